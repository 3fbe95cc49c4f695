import { onScopeDispose, ref, shallowRef, watch } from 'vue'

import { isAbort, toApiError, type ApiError } from '@/api/client'
import type { FrameQuery } from '@/api/endpoints'
import type { Position } from '@/domain/timecode'
import { useRecording } from '@/stores/recording'

import { FrameCache, type LoadedFrame } from './frame-cache'

/** How long a picture on its way may still arrive after another one was asked for: a held key shows motion. */
const GRACE_MS = 140
const NEIGHBOURS = 3
const RETRY_MS = 2_500

interface Target {
  query: FrameQuery
  frame: number | null
  time_s: number | null
}

/** So wide is a picture that has to come quickly. */
const QUICK_PX = 480

/**
 * The place in the recording that is shown. The last wish wins; the old picture stays until the new one is there. A
 * small picture comes first, the sharp one as soon as nothing else is wanted: both are the very frame.
 */
export function usePlayer() {
  const recording = useRecording()
  const width = ref(1024)
  const shown = shallowRef<LoadedFrame | null>(null)
  const target = shallowRef<Target | null>(null)
  const loading = ref(false)
  const error = shallowRef<ApiError | null>(null)
  const listeners = new Set<() => void>()
  let cache = quickCache('')
  let sharp = sharpCache('')
  /** The latest wish, and the one that is being loaded. `target` is the latest, with what is known by now. */
  let latest: Target | null = null
  let running: Target | null = null
  let direction = 1
  let stepsAfterwards = 0
  let graceTimer = 0
  let retryTimer = 0

  function quickCache(id: string): FrameCache {
    return new FrameCache(id, { width: () => QUICK_PX, sharp: false, capacity: 160 })
  }

  function sharpCache(id: string): FrameCache {
    return new FrameCache(id, { width: () => width.value, sharp: true, capacity: 40 })
  }

  function open(): void {
    close()
    cache = quickCache(recording.id)
    sharp = sharpCache(recording.id)
  }

  function close(): void {
    window.clearTimeout(graceTimer)
    window.clearTimeout(retryTimer)
    cache.close()
    sharp.close()
    shown.value = null
    target.value = null
    error.value = null
    latest = null
    running = null
    loading.value = false
    stepsAfterwards = 0
  }

  function aim(next: Target): void {
    for (const listener of listeners) listener()
    latest = next
    target.value = next
    loading.value = true
    error.value = null
    window.clearTimeout(retryTimer)
    sharp.abortExcept(next.query)
    if (!running) {
      void load()
      return
    }
    window.clearTimeout(graceTimer)
    graceTimer = window.setTimeout(() => cache.abortExcept(latest?.query ?? null), GRACE_MS)
  }

  async function load(): Promise<void> {
    const wish = latest
    if (!wish) return
    const from = cache
    let again = false
    running = wish
    cache.abortExcept(wish.query)
    try {
      const picture = sharp.peek(wish.query) ?? (await from.get(wish.query))
      if (from === cache) show(wish, picture)
    } catch (caught) {
      if (isAbort(caught)) again = true
      else if (from === cache && wish === latest) fail(caught)
    }
    if (from !== cache) return
    running = null
    if (again || wish !== latest) {
      await load()
    } else if (!error.value) {
      settle(from)
    }
  }

  function show(wish: Target, picture: LoadedFrame): void {
    shown.value = picture
    error.value = null
    if (picture.frame !== null && picture.time_s !== null) recording.noteTime(picture.frame, picture.time_s)
    if (wish === latest) target.value = { query: wish.query, frame: picture.frame, time_s: picture.time_s }
  }

  function fail(caught: unknown): void {
    error.value = toApiError(caught)
    loading.value = false
    const still = shown.value
    // A place outside the recording: what is shown stays the place to go on from.
    if (error.value.status === 422 && still) {
      const query = still.frame === null ? { at: still.time_s ?? 0 } : { n: still.frame }
      target.value = { query, frame: still.frame, time_s: still.time_s }
    }
    if (error.value.status === 503 || error.value.unreachable) {
      retryTimer = window.setTimeout(() => void load(), RETRY_MS)
    }
  }

  function settle(from: FrameCache): void {
    loading.value = false
    const steps = stepsAfterwards
    stepsAfterwards = 0
    if (steps !== 0 && target.value?.frame != null) {
      goToFrame(target.value.frame + steps)
      return
    }
    void refine(from)
  }

  /** The sharp picture of what is shown; then those beside it. */
  async function refine(from: FrameCache): Promise<void> {
    const at = target.value
    const still = shown.value
    if (!at || !still) return
    if (!still.sharp) {
      try {
        const picture = await sharp.get(still.frame === null ? at.query : { n: still.frame })
        if (from !== cache || target.value !== at) return
        if (picture.frame === still.frame && shown.value === still) shown.value = picture
      } catch {
        // The small picture is right; the next move tries again.
        if (from !== cache || target.value !== at) return
      }
    }
    await prefetch(from)
  }

  /** The pictures next to the shown one, those in the direction of travel first, one after the other. */
  async function prefetch(from: FrameCache): Promise<void> {
    const at = target.value
    if (at?.frame == null || !recording.ready) return
    const ahead = Array.from({ length: NEIGHBOURS }, (_, step) => (step + 1) * direction)
    for (const step of [...ahead, -direction]) {
      const n = at.frame + step
      if (n < 0 || n >= recording.frames || from.peek({ n })) continue
      if (from !== cache || target.value !== at) return
      try {
        await from.get({ n })
      } catch {
        return
      }
    }
  }

  function goToFrame(n: number): void {
    const last = recording.frames > 0 ? recording.frames - 1 : n
    const frame = Math.max(0, Math.min(Math.round(n), last))
    const known = recording.knownTime(frame)
    aim({ query: { n: frame }, frame, time_s: known ?? estimate(frame) })
  }

  function goToTime(time_s: number): void {
    const end = recording.duration_s
    if (recording.ready && end !== null && time_s >= end) {
      goToFrame(recording.frames - 1)
      return
    }
    const at = Math.max(0, Math.round(time_s * 1e6) / 1e6)
    aim({ query: { at }, frame: null, time_s: at })
  }

  function goTo(position: Position): void {
    if (position.kind === 'frame') goToFrame(position.n)
    else goToTime(position.time_s)
  }

  function estimate(frame: number): number {
    const anchor = shown.value
    if (anchor?.frame == null || anchor.time_s === null) return frame / recording.fps
    return anchor.time_s + (frame - anchor.frame) / recording.fps
  }

  function stepFrames(steps: number): void {
    direction = steps < 0 ? -1 : 1
    const at = target.value
    if (at?.frame == null) stepsAfterwards += steps
    else goToFrame(at.frame + steps)
  }

  function stepSeconds(seconds: number): void {
    direction = seconds < 0 ? -1 : 1
    goToTime((target.value?.time_s ?? 0) + seconds)
  }

  /** Somebody else shows this frame (a film that plays): the place moves, no picture is asked for. */
  function follow(frame: number, time_s: number): void {
    cache.abortExcept(null)
    sharp.abortExcept(null)
    latest = { query: { n: frame }, frame, time_s }
    target.value = latest
    loading.value = false
  }

  /** Calls the listener before every move; returns the function that ends it. */
  function onMove(listener: () => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** How many frames the picture is behind what is wanted. */
  function lag(): number {
    const [wanted, there] = [target.value?.frame, shown.value?.frame]
    return wanted == null || there == null ? 0 : Math.abs(wanted - there)
  }

  function retry(): void {
    window.clearTimeout(retryTimer)
    error.value = null
    loading.value = true
    if (!running) void load()
  }

  watch(width, (wide, before) => {
    if (wide <= before || !target.value) return
    sharp.clear()
    if (shown.value) shown.value = { ...shown.value, sharp: false }
    if (!running) void refine(cache)
  })

  // Before the index was whole the number of the shown picture may have been unknown.
  watch(
    () => recording.ready,
    (ready) => {
      if (ready && target.value && target.value.frame === null && !running) void load()
    },
  )

  onScopeDispose(close)

  return {
    width, shown, target, loading, error, open, close, goTo, goToFrame, goToTime, stepFrames, stepSeconds, retry, follow, onMove, lag,
  }
}

export type Player = ReturnType<typeof usePlayer>
