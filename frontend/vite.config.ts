import { fileURLToPath, URL } from 'node:url'

import vue from '@vitejs/plugin-vue'
import vuetify from 'vite-plugin-vuetify'
import { defineConfig } from 'vitest/config'

/** The address of a running `plexcut serve`, for `npm run dev`. */
const backend = process.env['PLEXCUT_BACKEND'] ?? 'http://127.0.0.1:5200'

export default defineConfig({
  // Addresses in the built page are relative to <base>, so that it also runs below a path of a reverse proxy.
  base: './',
  plugins: [vue(), vuetify()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: '../src/plexcut/web/dist',
    emptyOutDir: true,
    target: 'es2022',
    // The content security policy allows no data: scripts, and pictures are better cached as files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: Object.fromEntries(['/api', '/static', '/streams'].map((path) => [path, { target: backend, changeOrigin: true }])),
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts'],
    setupFiles: ['src/test-setup.ts'],
    restoreMocks: true,
  },
})
