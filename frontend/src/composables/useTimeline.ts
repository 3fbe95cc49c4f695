import { computed, ref, shallowRef, watch } from 'vue'

import * as views from '@/domain/view'
import type { View } from '@/domain/view'
import { useRecording } from '@/stores/recording'

import type { Player } from './usePlayer'

const STEP = 1.6
/** Single frames are wide enough to tell them apart. */
const FRAME_PX = 120

/** What the time line shows of the recording; it follows the shown frame. */
export function useTimeline(player: Player) {
  const recording = useRecording()
  const width = ref(0)
  /** A picture of the strip: its width in CSS pixels, its height in those of the screen. */
  const tile = shallowRef({ width_px: 114, height_px: 64 })
  const chosen = shallowRef<View | null>(null)
  /** While a hand is on the time line it does not move by itself. */
  const held = ref(false)
  const total = computed(() => recording.frames)
  const view = computed<View>(() => (chosen.value ? views.clampView(chosen.value, total.value) : views.whole(total.value)))
  const cursor = computed(() => player.target.value?.frame ?? player.shown.value?.frame ?? 0)
  const frame_px = computed(() => width.value / view.value.span)

  /** The size that the time line has on the screen, and that of a picture in it. */
  function measure(width_px: number, picture: { width_px: number; height_px: number }): void {
    width.value = width_px
    tile.value = picture
  }

  function set(next: View): void {
    if (!views.sameView(next, view.value)) chosen.value = next
  }

  function zoomAt(factor: number, anchor: number): void {
    set(views.zoom(view.value, factor, anchor, total.value))
  }

  /** Around the shown frame, or around the middle where that is not seen. */
  function zoomBy(factor: number): void {
    const { start, span } = view.value
    const seen = cursor.value >= start && cursor.value <= start + span
    zoomAt(factor, seen ? cursor.value + 0.5 : start + span / 2)
  }

  function pan(frames: number): void {
    set(views.pan(view.value, frames, total.value))
  }

  function showFrames(): void {
    const span = Math.max(views.CLOSEST_FRAMES, width.value / FRAME_PX)
    set(views.clampView({ start: cursor.value + 0.5 - span / 2, span }, total.value))
  }

  watch(cursor, (frame) => {
    if (!held.value && total.value > 0) set(views.reveal(view.value, frame, total.value))
  })
  watch([() => recording.id, () => recording.opened], () => {
    chosen.value = null
  })

  return {
    width, tile, view, cursor, total, held, frame_px,
    measure, set, zoomAt, zoomBy, pan, showFrames,
    zoomIn: () => zoomBy(1 / STEP),
    zoomOut: () => zoomBy(STEP),
    showAll: () => set(views.whole(total.value)),
    showSpan: (start: number, end: number) => set(views.around(start, end, total.value)),
  }
}

export type Timeline = ReturnType<typeof useTimeline>
