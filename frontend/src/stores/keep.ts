import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { ApiError, toApiError } from '@/api/client'
import { getKeep, putKeep } from '@/api/endpoints'
import type { KeepAnswer, WrittenPosition } from '@/api/types'
import { push, redo as redoHistory, startHistory, undo as undoHistory } from '@/domain/history'
import * as spans from '@/domain/spans'
import type { KeepList, Span } from '@/domain/spans'

import { useRecording } from './recording'

export type SaveState = 'saved' | 'waiting' | 'saving' | 'failed'

const SAVE_AFTER_MS = 350
const RETRY_AFTER_MS = 3_000

/** Frames as they are sent: exact, whatever their times are. */
export function written(list: KeepList): [WrittenPosition, WrittenPosition][] {
  return list.map((span) => [`#${span.start}`, `#${span.end}`])
}

/** The keep list of the open recording: changes with undo, saved by themselves. */
export const useKeep = defineStore('keep', () => {
  const recording = useRecording()
  const history = shallowRef(startHistory<KeepList>([]))
  const loaded = ref(false)
  const revision = ref(0)
  const state = ref<SaveState>('saved')
  const error = shallowRef<ApiError | null>(null)
  /** Counts how often somebody else's list replaced ours, for the message about it. */
  const replaced = ref(0)
  let timer = 0
  let saving: Promise<void> | null = null
  let dirty = false

  const list = computed(() => history.value.present)
  const canUndo = computed(() => history.value.past.length > 0)
  const canRedo = computed(() => history.value.future.length > 0)
  const keptFrames = computed(() => spans.countFrames(list.value))
  const kept_s = computed(() =>
    list.value.reduce((sum, span) => sum + recording.timeOf(span.end) - recording.timeOf(span.start), 0),
  )
  const removed_s = computed(() => Math.max(0, (recording.duration_s ?? 0) - kept_s.value))

  function noteTimes(answer: KeepAnswer): void {
    answer.keep_frames.forEach(([start, end], at) => {
      const times = answer.keep[at]
      if (!times) return
      recording.noteTime(start, times[0])
      recording.noteTime(end, times[1])
    })
  }

  function listOf(answer: KeepAnswer): KeepList {
    return spans.union(answer.keep_frames.map(([start, end]) => ({ start, end })))
  }

  async function load(): Promise<void> {
    const wanted = recording.id
    const answer = await getKeep(wanted)
    if (wanted !== recording.id) return
    noteTimes(answer)
    history.value = startHistory(listOf(answer))
    revision.value = answer.revision
    loaded.value = true
    state.value = 'saved'
    error.value = null
    dirty = false
  }

  /** Takes the server's list in place of ours; ours stays one undo away. */
  async function adopt(): Promise<void> {
    const wanted = recording.id
    const answer = await getKeep(wanted)
    if (wanted !== recording.id) return
    noteTimes(answer)
    revision.value = answer.revision
    dirty = false
    state.value = 'saved'
    const theirs = listOf(answer)
    if (!spans.sameList(theirs, list.value)) {
      history.value = push(history.value, theirs)
      replaced.value += 1
    }
  }

  /** Somebody saved a list for this recording; nothing to do if it was us. */
  async function onRemoteSave(remoteRevision: number): Promise<void> {
    if (saving) await saving
    if (loaded.value && remoteRevision > revision.value && !dirty) await adopt()
  }

  function schedule(after_ms: number): void {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void flush(), after_ms)
  }

  function change(next: KeepList): void {
    if (spans.sameList(next, list.value)) return
    history.value = push(history.value, next)
    touch()
  }

  function touch(): void {
    dirty = true
    state.value = 'waiting'
    schedule(SAVE_AFTER_MS)
  }

  async function saveOnce(): Promise<void> {
    const wanted = recording.id
    const sent = list.value
    dirty = false
    state.value = 'saving'
    try {
      const fingerprint = recording.info?.fingerprint
      const answer = await putKeep(wanted, {
        keep: written(sent),
        revision: revision.value,
        ...(fingerprint ? { fingerprint } : {}),
      })
      if (wanted !== recording.id) return
      revision.value = answer.revision
      noteTimes(answer)
      error.value = null
      if (!dirty) state.value = 'saved'
    } catch (caught) {
      if (wanted !== recording.id) return
      await onSaveError(toApiError(caught))
    }
  }

  async function onSaveError(caught: ApiError): Promise<void> {
    if (caught.code === 'stale_revision') {
      await adopt()
      return
    }
    error.value = caught
    state.value = 'failed'
    dirty = true
    // The file is another one now: look at it anew. What was chosen stays, and is saved with the next change.
    if (caught.code === 'recording_changed') await recording.load()
    if (caught.unreachable || caught.status === 503) schedule(RETRY_AFTER_MS)
  }

  /** Saves now what has not been saved; resolves when it is, or has failed. */
  async function flush(): Promise<void> {
    window.clearTimeout(timer)
    if (saving) await saving
    if (!dirty || !loaded.value) return
    saving = saveOnce()
    try {
      await saving
    } finally {
      saving = null
    }
  }

  /** Forgets the list; whoever calls this has flushed before. */
  function close(): void {
    window.clearTimeout(timer)
    dirty = false
    loaded.value = false
    history.value = startHistory<KeepList>([])
  }

  function undo(): void {
    if (!canUndo.value) return
    history.value = undoHistory(history.value)
    touch()
  }

  function redo(): void {
    if (!canRedo.value) return
    history.value = redoHistory(history.value)
    touch()
  }

  return {
    list, loaded, revision, state, error, replaced, canUndo, canRedo, keptFrames, kept_s, removed_s,
    load, flush, close, undo, redo, onRemoteSave,
    add: (span: Span) => change(spans.addSpan(list.value, span)),
    replace: (at: number, span: Span) => change(spans.replaceAt(list.value, at, span)),
    remove: (at: number) => change(spans.removeAt(list.value, at)),
    clear: () => change([]),
  }
})
