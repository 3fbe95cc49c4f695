import { createRouter, createWebHistory } from 'vue-router'

// What is seen first is not loaded later: one wait less.
import LibraryView from '@/views/LibraryView.vue'

// Without an argument the history starts at <base>, where the server writes its base path.
export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/', name: 'home', component: LibraryView },
    {
      path: '/library/:library/:section',
      name: 'section',
      component: LibraryView,
    },
    { path: '/show/:item', name: 'show', component: () => import('@/views/ShowView.vue') },
    { path: '/edit/:recording', name: 'edit', component: () => import('@/views/EditorView.vue') },
    { path: '/trash', name: 'trash', component: () => import('@/views/TrashView.vue') },
    { path: '/setup', name: 'setup', component: () => import('@/views/SetupView.vue') },
    { path: '/login', name: 'login', component: () => import('@/views/LoginView.vue') },
    { path: '/:rest(.*)*', name: 'lost', component: () => import('@/views/NotFoundView.vue') },
  ],
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
})
