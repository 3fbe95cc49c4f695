import { computed, onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'

import { isAbort } from '@/api/client'
import { getCopyPoints, getKeyframes } from '@/api/endpoints'
import type { Stretch } from '@/components/timeline/scene'
import { snap, type Snapped, type SnapKind, type SnapSource } from '@/domain/snap'
import type { Edge } from '@/domain/spans'
import { useKeep } from '@/stores/keep'
import { usePreferences } from '@/stores/preferences'
import { useRecording } from '@/stores/recording'

import type { Timeline } from './useTimeline'

const WAIT_MS = 150
const AGAIN_MS = 5_000
/** So many frames at most are looked at for places of copies: farther out they lie closer than the eye can tell. */
const COPIES_FRAMES = 6_000
/** A long silence is caught at both ends, a short one in its middle. */
const LONG_SILENCE_S = 1

interface Copies {
  from: number
  to: number
  starts: readonly number[]
  ends: readonly number[]
}

const NO_COPIES: Copies = { from: 0, to: 0, starts: [], ends: [] }

/** What stands out in the recording: where a pointer catches, and what the time line is marked with. */
export function useLandmarks(timeline: Timeline, black: Ref<readonly number[]>) {
  const { t } = useI18n()
  const recording = useRecording()
  const keep = useKeep()
  const preferences = usePreferences()
  const keyframes = shallowRef<readonly number[]>([])
  const copies = shallowRef<Copies>(NO_COPIES)
  /** Frames whose keyframes are known; a recording of nothing but keyframes has more than are told at once. */
  let known: [from: number, to: number] = [0, 0]
  let controller = new AbortController()
  let timer = 0

  const silences = computed<(readonly [number, number])[]>(() =>
    (recording.marks?.silences ?? []).map(([start, end]) => [recording.clock.nearest(start), recording.clock.nearest(end)]),
  )
  const stretches = computed<Stretch[]>(() => {
    const { marks, clock } = recording
    const chapters = (marks?.chapters ?? []).map(({ start_s, end_s, title }, at) => ({
      start: clock.nearest(start_s), end: clock.nearest(end_s), kind: 'chapter' as const,
      label: title || t('timeline.chapter', { n: at + 1 }),
    }))
    const markers = (marks?.markers ?? []).map(({ start_s, end_s, kind }) => ({
      start: clock.nearest(start_s), end: clock.nearest(end_s), kind, label: t(`timeline.marker.${kind}`),
    }))
    return [...chapters, ...markers]
  })

  function schedule(after_ms: number): void {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void load(), after_ms)
  }

  async function load(): Promise<void> {
    if (!recording.ready || timeline.total.value === 0) return
    controller.abort()
    controller = new AbortController()
    const { signal } = controller
    try {
      await loadKeyframes(signal)
      await loadCopies(signal)
    } catch (caught) {
      if (!isAbort(caught)) schedule(AGAIN_MS)
    }
  }

  function seen(): [from: number, to: number] {
    const { start, span } = timeline.view.value
    return [Math.max(0, Math.floor(start - span / 2)), Math.min(timeline.total.value, Math.ceil(start + 1.5 * span))]
  }

  async function loadKeyframes(signal: AbortSignal): Promise<void> {
    const [from, to] = seen()
    if (known[0] <= from && known[1] >= to) return
    const all = await getKeyframes(recording.id, 0, timeline.total.value, signal)
    const few = all.total > all.keyframes.length && timeline.view.value.span < all.keyframes.length / 4
    const found = few ? await getKeyframes(recording.id, from, to, signal) : all
    keyframes.value = found.keyframes
    known = few ? [from, to] : [0, timeline.total.value]
  }

  async function loadCopies(signal: AbortSignal): Promise<void> {
    const [from, to] = seen()
    if (to - from > COPIES_FRAMES || (copies.value.from <= from && copies.value.to >= to)) return
    const found = await getCopyPoints(recording.id, from, to, signal)
    copies.value = { from, to: found.to_frame, starts: found.starts.map(({ frame }) => frame), ends: found.ends }
  }

  const edges = computed(() => [...new Set(keep.list.flatMap(({ start, end }) => [start, end]))].sort((a, b) => a - b))
  const marked = computed(() =>
    [...new Set(stretches.value.flatMap(({ start, end }) => [start, end]))].sort((a, b) => a - b),
  )
  const silent = computed(() =>
    silences.value.flatMap(([start, end]) =>
      end - start > LONG_SILENCE_S * recording.fps ? [start, end] : [Math.round((start + end) / 2)],
    ),
  )

  function sourcesFor(edge: Edge | null): SnapSource[] {
    const all: SnapSource[] = [
      { kind: 'edges', frames: edge === null ? edges.value : [timeline.cursor.value] },
      { kind: 'marks', frames: marked.value },
      { kind: 'black', frames: black.value },
      { kind: 'silence', frames: silent.value },
      { kind: 'lossless', frames: edge === null ? [] : edge === 'start' ? copies.value.starts : copies.value.ends },
      { kind: 'keyframes', frames: edge === 'end' ? [] : keyframes.value },
    ]
    return all.filter(({ kind }) => preferences.kinds.has(kind))
  }

  /** Where a pointer catches: `reach_px` pixels around it; `off` lets it go where it wants. */
  function caught(place: number, reach_px: number, edge: Edge | null, off: boolean): Snapped {
    const reach = reach_px / Math.max(1e-6, timeline.frame_px.value)
    // Frames as wide as the reach are chosen by themselves.
    const free = off || reach < 1
    if (free) return { frame: edge === null ? Math.floor(place) : Math.round(place), kind: null }
    const found = snap(place, reach, sourcesFor(edge))
    return found.kind === null && edge !== null ? { frame: Math.round(place), kind: null } : found
  }

  /** The keyframe before or behind a frame; null of none. */
  function keyframeBeside(frame: number, direction: 1 | -1): number | null {
    const list = keyframes.value
    return (direction > 0 ? list.find((one) => one > frame) : list.findLast((one) => one < frame)) ?? null
  }

  watch([timeline.view, () => recording.ready], () => schedule(WAIT_MS), { immediate: true })
  watch([() => recording.id, () => recording.opened], () => {
    controller.abort()
    keyframes.value = []
    copies.value = NO_COPIES
    known = [0, 0]
  })
  onScopeDispose(() => {
    window.clearTimeout(timer)
    controller.abort()
  })

  return { keyframes, copies, silences, stretches, caught, keyframeBeside }
}

export type Landmarks = ReturnType<typeof useLandmarks>
export type { SnapKind }
