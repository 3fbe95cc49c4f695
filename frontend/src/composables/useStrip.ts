import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'

import { address, isAbort } from '@/api/client'
import { framePath, getTimeline, putSelection } from '@/api/endpoints'
import type { Item, SelectionChange, TimelineFrame } from '@/api/types'
import { useRecording } from '@/stores/recording'

export interface StripWish {
  /** Where the middle picture lies. */
  pos_s: number
  step_s: number
  /** How many pictures on each side. */
  side: number
  width_px: number
}

export interface StripCell {
  k: number
  time_s: number
  /** Null where the picture was asked for by time and the frame's number is not known. */
  frame: number | null
  src: string
}

const WAIT_MS = 180

function selectionOf(item: Item): SelectionChange {
  return {
    library: item.library,
    section: item.section,
    ...(item.show ? { show: item.show } : {}),
    ...(item.parent ? { season: item.parent } : {}),
    movie: item.id,
  }
}

/** The pictures around a place. The server draws them for the selected movie, so the selection follows the editor. */
export function useStrip(wish: Ref<StripWish | null>) {
  const recording = useRecording()
  const cells = shallowRef<StripCell[]>([])
  const loading = shallowRef(false)
  let controller = new AbortController()
  let timer = 0
  let selected = ''

  function inside(time_s: number): boolean {
    return time_s >= 0 && (recording.duration_s === null || time_s < recording.duration_s)
  }

  function steps({ side }: StripWish): number[] {
    return Array.from({ length: 2 * side + 1 }, (_, at) => at - side)
  }

  /** The timeline of the selected movie; null if the selection is another recording. */
  async function ask(wanted: StripWish, signal: AbortSignal): Promise<TimelineFrame[] | null> {
    const frames = await getTimeline(
      {
        basename: `strip-${wanted.width_px}.jpg`,
        pos: wanted.pos_s,
        l: -wanted.side,
        r: wanted.side,
        step: wanted.step_s,
        size: wanted.width_px,
      },
      signal,
    )
    return frames.every((frame) => frame.url.includes(`/${recording.id}/`)) ? frames : null
  }

  async function select(): Promise<boolean> {
    const item = recording.item
    // The selection names an item, and with it the first of its versions.
    if (!item || item.recording !== recording.id) return false
    const answer = await putSelection(selectionOf(item))
    selected = recording.id
    return answer.movie?.recording === recording.id
  }

  async function load(): Promise<void> {
    const wanted = wish.value
    if (!wanted) return
    controller.abort()
    controller = new AbortController()
    const { signal } = controller
    loading.value = true
    let frames: TimelineFrame[] | null = null
    try {
      if (selected === recording.id || (await select())) frames = await ask(wanted, signal)
      // Another tab of this browser may have selected something else meanwhile.
      if (frames === null && (await select())) frames = await ask(wanted, signal)
    } catch (caught) {
      if (isAbort(caught)) return
    }
    if (signal.aborted) return
    cells.value = frames ? fromTimeline(wanted, frames) : fromFrames(wanted)
    loading.value = false
  }

  function fromTimeline(wanted: StripWish, frames: TimelineFrame[]): StripCell[] {
    return frames
      .filter((frame) => inside(wanted.pos_s + frame.k * wanted.step_s))
      .map((frame) => ({ k: frame.k, time_s: frame.time_s, frame: frame.frame, src: address(frame.url) }))
  }

  function fromFrames(wanted: StripWish): StripCell[] {
    return steps(wanted)
      .map((k) => ({ k, time_s: wanted.pos_s + k * wanted.step_s }))
      .filter(({ time_s }) => inside(time_s))
      .map(({ k, time_s }) => {
        const at = Math.round(time_s * 1e6) / 1e6
        const src = address(framePath(recording.id, { at, width: wanted.width_px }))
        return { k, time_s: at, frame: null, src }
      })
  }

  watch(
    wish,
    () => {
      window.clearTimeout(timer)
      timer = window.setTimeout(() => void load(), WAIT_MS)
    },
    { immediate: true },
  )
  watch(
    () => recording.id,
    () => {
      selected = ''
      cells.value = []
    },
  )
  onScopeDispose(() => {
    window.clearTimeout(timer)
    controller.abort()
  })

  return { cells, loading }
}
