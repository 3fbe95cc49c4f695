import { afterEach, beforeEach, vi } from 'vitest'

// A test that reaches for the network by accident fails with the address, instead of hanging or passing by luck.
beforeEach(() => {
  vi.stubGlobal('fetch', (input: unknown) => Promise.reject(new Error(`unexpected fetch of ${String(input)}`)))
})

afterEach(() => {
  vi.unstubAllGlobals()
  vi.useRealTimers()
})
