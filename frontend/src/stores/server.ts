import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { listServerNotices, pauseQueue } from '@/api/endpoints'
import type { Progress, ServerNotice } from '@/api/types'

import { useJobs } from './jobs'

/** What the server has to say about itself: whether its queue answers and goes on, what somebody has to do. */
export const useServer = defineStore('server', () => {
  const jobs = useJobs()
  const notices = ref<ServerNotice[]>([])
  const held = ref<boolean | null>(null)

  /** Whether no waiting job may begin. */
  const paused = computed(() => held.value ?? jobs.jobs.some((job) => job.waiting?.code === 'queue_paused'))
  const queueOffline = computed(() => notices.value.some((notice) => notice.code === 'queue_offline'))

  async function load(): Promise<void> {
    try {
      notices.value = await listServerNotices()
    } catch {
      // Whether the server answers at all is told elsewhere.
    }
  }

  function apply(progress: Progress): void {
    held.value = progress.queue.paused
    if (progress.queue.online === queueOffline.value) void load()
  }

  async function pause(wanted: boolean): Promise<void> {
    apply(await pauseQueue(wanted))
    await jobs.load()
  }

  return { notices, paused, queueOffline, load, apply, pause }
})
