import { defineStore } from 'pinia'
import { computed, ref, shallowReactive, shallowRef } from 'vue'

import { toApiError, type ApiError } from '@/api/client'
import { getItem, getMarks, getRecording } from '@/api/endpoints'
import type { Item, Marks, Recording, Version } from '@/api/types'
import { Clock } from '@/domain/clock'

const POLL_MS = 700
const MARKS_AGAIN_MS = 2_500

/** The recording that is open in the editor, its index, and the times of the frames that were met so far. */
export const useRecording = defineStore('recording', () => {
  const id = ref('')
  const info = shallowRef<Recording | null>(null)
  const item = shallowRef<Item | null>(null)
  const error = shallowRef<ApiError | null>(null)
  const times = shallowReactive(new Map<number, number>())
  const marks = shallowRef<Marks | null>(null)
  /** Counts how often the open recording became another file: by a cut in place, or by the way back. */
  const changes = ref(0)
  /** Counts openings: under the same id the file may be another one, and nothing that is known of the one before holds. */
  const opened = ref(0)
  let timer = 0
  let marksTimer = 0

  const ready = computed(() => info.value?.index.state === 'ready')
  const frames = computed(() => info.value?.frames ?? 0)
  const version = computed<Version | null>(
    () => item.value?.versions.find((one) => one.recording === id.value) ?? null,
  )
  const duration_s = computed(
    () => info.value?.duration_s ?? version.value?.duration_s ?? item.value?.duration_s ?? null,
  )
  const fps = computed(() => info.value?.fps ?? 25)
  const clock = computed(() =>
    marks.value && marks.value.clock.length > 1
      ? new Clock(marks.value.clock)
      : Clock.steady(frames.value, duration_s.value ?? frames.value / fps.value),
  )
  /** Width by height of a picture as it is shown. */
  const aspect = computed(() => {
    const video = info.value?.video
    if (!video || video.height === 0) return 16 / 9
    const [across = 1, down = 1] = (video.sample_aspect ?? '1:1').split(':').map(Number)
    return (video.width * (across || 1)) / (video.height * (down || 1))
  })
  const heading = computed(() => {
    const one = item.value
    if (!one) return info.value?.title ?? ''
    if (one.type !== 'episode') return one.title
    const code = [one.parent_index, one.index].every((part) => part !== null)
      ? `S${String(one.parent_index).padStart(2, '0')}E${String(one.index).padStart(2, '0')}`
      : ''
    return [one.show_title, code, one.title].filter(Boolean).join(' · ')
  })

  async function load(): Promise<void> {
    const wanted = id.value
    window.clearTimeout(timer)
    try {
      const answer = await getRecording(wanted)
      if (wanted !== id.value) return
      info.value = answer
      error.value = null
      if (answer.index.state === 'building' || answer.index.state === 'none') {
        timer = window.setTimeout(() => void load(), POLL_MS)
      }
      if (answer.index.state === 'ready' && !marks.value) void loadMarks()
      if (item.value?.id !== answer.item) void loadItem(answer.item)
    } catch (caught) {
      if (wanted !== id.value) return
      error.value = toApiError(caught)
      // A host that is down comes back by itself; so does the recording.
      if (error.value.status === 503 || error.value.unreachable) timer = window.setTimeout(() => void load(), 4 * POLL_MS)
    }
  }

  async function loadItem(name: string): Promise<void> {
    try {
      const answer = await getItem(name)
      if (info.value?.item === name) item.value = answer
    } catch {
      // The editor works without: the item only names the way back and the title.
    }
  }

  /** Clock, chapters, silences; again until all of the sound has been measured. */
  async function loadMarks(): Promise<void> {
    const wanted = id.value
    window.clearTimeout(marksTimer)
    try {
      const answer = await getMarks(wanted)
      if (wanted !== id.value) return
      marks.value = answer
      if (answer.silences_known_s < (info.value?.duration_s ?? 0) - 0.5) {
        marksTimer = window.setTimeout(() => void loadMarks(), MARKS_AGAIN_MS)
      }
    } catch {
      if (wanted === id.value) marksTimer = window.setTimeout(() => void loadMarks(), 4 * MARKS_AGAIN_MS)
    }
  }

  async function open(recording: string): Promise<void> {
    close()
    id.value = recording
    opened.value += 1
    await load()
  }

  function close(): void {
    window.clearTimeout(timer)
    window.clearTimeout(marksTimer)
    id.value = ''
    info.value = null
    marks.value = null
    item.value = null
    error.value = null
    times.clear()
  }

  function lookAgain(recording: string): void {
    if (recording === id.value) changes.value += 1
  }

  function noteTime(frame: number, time_s: number): void {
    if (times.get(frame) !== time_s) times.set(frame, time_s)
  }

  /** The time of a frame that was met; null of another. */
  function knownTime(frame: number): number | null {
    return times.get(frame) ?? null
  }

  /** The time of a frame: known, or from the clock until it was met. The end's is the duration. */
  function timeOf(frame: number): number {
    const known = times.get(frame)
    if (known !== undefined) return known
    if (frame >= frames.value && info.value?.duration_s != null) return info.value.duration_s
    return clock.value.timeOf(frame)
  }

  return {
    id, info, item, version, error, ready, frames, fps, duration_s, heading, aspect, marks, clock, changes, opened, lookAgain, open, close, load, noteTime, knownTime, timeOf,
  }
})
