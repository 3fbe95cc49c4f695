import { computed, ref } from 'vue'

import { useKeep } from '@/stores/keep'
import { useRecording } from '@/stores/recording'

/** The in and out that were set and do not make a span yet. The out is the first frame that is not kept. */
export function useMarks() {
  const recording = useRecording()
  const keep = useKeep()
  const markIn = ref<number | null>(null)
  const markOut = ref<number | null>(null)
  const pending = computed(() => markIn.value !== null || markOut.value !== null)

  function drop(): void {
    markIn.value = null
    markOut.value = null
  }

  function complete(): void {
    if (markIn.value === null || markOut.value === null) return
    keep.add({ start: markIn.value, end: markOut.value })
    drop()
  }

  /** Keep from this frame on. An out that would lie before it is forgotten. */
  function setIn(frame: number): void {
    markIn.value = frame
    if (markOut.value !== null && markOut.value <= frame) markOut.value = null
    complete()
  }

  /** Keep up to this frame, without it. On the last frame of all it is meant to be kept: nothing follows it. */
  function setOut(frame: number): void {
    markOut.value = frame === recording.frames - 1 ? recording.frames : frame
    if (markIn.value !== null && markIn.value >= markOut.value) markIn.value = null
    if (markOut.value === 0) markOut.value = null
    complete()
  }

  /** Removes what lies between the mark that is set and a frame: from an in up to it, or from it up to an out. */
  function removeTo(frame: number): void {
    const [start, end] = markIn.value !== null ? [markIn.value, frame] : [frame, markOut.value ?? frame]
    drop()
    const gone = { start: Math.min(start, end), end: Math.max(start, end) }
    if (gone.start === gone.end) return
    // Where nothing was chosen yet, everything else is kept.
    if (keep.list.length === 0) keep.add({ start: 0, end: recording.frames })
    keep.subtract(gone)
  }

  return { markIn, markOut, pending, drop, setIn, setOut, removeTo }
}

export type Marks = ReturnType<typeof useMarks>
