import { defineStore } from 'pinia'
import { ref } from 'vue'

import { toApiError } from '@/api/client'

export interface Notice {
  text: string
  color: 'info' | 'error' | 'warning' | 'success'
}

/** Short messages at the foot of the page, one after the other. */
export const useNotices = defineStore('notices', () => {
  const queue = ref<Notice[]>([])

  function say(text: string, color: Notice['color'] = 'info'): void {
    queue.value.push({ text, color })
  }

  function fail(caught: unknown): void {
    const error = toApiError(caught)
    say(error.hint ? `${error.message}: ${error.hint}` : error.message, 'error')
  }

  return { queue, say, fail }
})
