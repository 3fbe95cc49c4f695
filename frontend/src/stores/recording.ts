import { defineStore } from 'pinia'
import { computed, ref, shallowReactive, shallowRef } from 'vue'

import { toApiError, type ApiError } from '@/api/client'
import { getItem, getRecording } from '@/api/endpoints'
import type { Item, Recording, Version } from '@/api/types'

const POLL_MS = 700

/** The recording that is open in the editor, its index, and the times of the frames that were met so far. */
export const useRecording = defineStore('recording', () => {
  const id = ref('')
  const info = shallowRef<Recording | null>(null)
  const item = shallowRef<Item | null>(null)
  const error = shallowRef<ApiError | null>(null)
  const times = shallowReactive(new Map<number, number>())
  let timer = 0

  const ready = computed(() => info.value?.index.state === 'ready')
  const frames = computed(() => info.value?.frames ?? 0)
  const version = computed<Version | null>(
    () => item.value?.versions.find((one) => one.recording === id.value) ?? null,
  )
  const duration_s = computed(
    () => info.value?.duration_s ?? version.value?.duration_s ?? item.value?.duration_s ?? null,
  )
  const fps = computed(() => info.value?.fps ?? 25)
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

  async function open(recording: string): Promise<void> {
    close()
    id.value = recording
    await load()
  }

  function close(): void {
    window.clearTimeout(timer)
    id.value = ''
    info.value = null
    item.value = null
    error.value = null
    times.clear()
  }

  function noteTime(frame: number, time_s: number): void {
    if (times.get(frame) !== time_s) times.set(frame, time_s)
  }

  /** The time of a frame that was met; null of another. */
  function knownTime(frame: number): number | null {
    return times.get(frame) ?? null
  }

  /** The time of a frame: known, or estimated from the frame rate until it was met. The end's is the duration. */
  function timeOf(frame: number): number {
    const known = times.get(frame)
    if (known !== undefined) return known
    if (frame >= frames.value && info.value?.duration_s != null) return info.value.duration_s
    return frame / fps.value
  }

  return { id, info, item, version, error, ready, frames, fps, duration_s, heading, open, close, load, noteTime, knownTime, timeOf }
})
