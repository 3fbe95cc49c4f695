import { defineStore } from 'pinia'
import { ref, shallowRef } from 'vue'

import { listenToEvents } from '@/api/events'
import type { KeepEvent } from '@/api/types'

import { useJobs } from './jobs'
import { useLibraries } from './libraries'
import { useServer } from './server'

const POLL_MS = 4_000

/** The live connection: server-sent events, and asking every few seconds while they do not come. */
export const useConnection = defineStore('connection', () => {
  const live = ref(false)
  /** The server did not answer the last time it was asked. */
  const lost = ref(false)
  const lastKeep = shallowRef<KeepEvent | null>(null)
  const jobs = useJobs()
  const libraries = useLibraries()
  const server = useServer()
  let stop: (() => void) | null = null

  async function refresh(): Promise<void> {
    try {
      await Promise.all([jobs.load(), libraries.load(), server.load()])
      lost.value = libraries.error?.unreachable === true
    } catch {
      lost.value = true
    }
  }

  function start(): void {
    if (stop) return
    let begun = false
    void refresh()
    const stopEvents = listenToEvents({
      job: jobs.apply,
      progress: server.apply,
      library: (library) => void libraries.apply(library),
      keep: (keep) => {
        lastKeep.value = keep
      },
      open: () => {
        live.value = true
        // At the start everything is being asked for already; only jobs change so fast that one could be missed in between.
        if (begun) void refresh()
        else void jobs.load().catch(() => undefined)
        begun = true
      },
      down: () => {
        live.value = false
      },
    })
    const timer = window.setInterval(() => {
      // An offline library is asked for even while events come: its return must not hang on one lost message.
      if (!live.value || libraries.offline.length > 0 || server.queueOffline) void refresh()
    }, POLL_MS)
    stop = () => {
      stopEvents()
      window.clearInterval(timer)
    }
  }

  function end(): void {
    stop?.()
    stop = null
    live.value = false
  }

  return { live, lost, lastKeep, start, end, refresh }
})
