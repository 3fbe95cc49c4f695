import { address } from './client'
import type { Job, KeepEvent, Library, Progress, Selection } from './types'

export interface EventHandlers {
  job: (job: Job) => void
  library: (library: Library) => void
  keep: (keep: KeepEvent) => void
  selection: (selection: Selection) => void
  progress: (progress: Progress) => void
  /** The connection stands (again): whatever was missed meanwhile has to be asked for. */
  open: () => void
  /** The connection is gone; it is tried again by itself. */
  down: () => void
}

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 20_000

/** Listens to the server's events for as long as the page is open; returns the function that stops it. */
export function listenToEvents(handlers: Partial<EventHandlers>): () => void {
  let source: EventSource | null = null
  let timer = 0
  let wait_ms = FIRST_WAIT_MS

  function forward<T>(name: string, handler: ((value: T) => void) | undefined): void {
    source?.addEventListener(name, (event) => {
      handler?.(JSON.parse((event as MessageEvent<string>).data) as T)
    })
  }

  function connect(): void {
    source = new EventSource(address('api/events'))
    source.onopen = () => {
      wait_ms = FIRST_WAIT_MS
      handlers.open?.()
    }
    source.onerror = () => {
      handlers.down?.()
      // The browser gives up for good after an error status; a new connection does not.
      source?.close()
      window.clearTimeout(timer)
      timer = window.setTimeout(connect, wait_ms)
      wait_ms = Math.min(wait_ms * 2, LONGEST_WAIT_MS)
    }
    forward('job', handlers.job)
    forward('library', handlers.library)
    forward('keep', handlers.keep)
    forward('selection', handlers.selection)
    forward('progress', handlers.progress)
  }

  connect()
  return () => {
    window.clearTimeout(timer)
    source?.close()
    source = null
  }
}
