import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { ApiError, toApiError } from '@/api/client'
import { getKeep, putKeep } from '@/api/endpoints'
import type { KeepAnswer, WrittenPosition } from '@/api/types'
import { differ, mergeLists } from '@/domain/merge'
import { push, redo as redoHistory, startHistory, undo as undoHistory } from '@/domain/history'
import * as spans from '@/domain/spans'
import type { Edge, KeepList, Span } from '@/domain/spans'

import { useRecording } from './recording'

export type SaveState = 'saved' | 'waiting' | 'saving' | 'failed'

const SAVE_AFTER_MS = 350
const RETRY_AFTER_MS = 3_000

export interface Conflict {
  base: KeepList
  mine: KeepList
  theirs: KeepList
}

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
  /** What the server had when we last agreed with it. */
  const base = shallowRef<KeepList>([])
  /** Somebody else saved while we had changes of our own: both lists, and what they were made from. */
  const conflict = shallowRef<Conflict | null>(null)
  let timer = 0
  let saving: Promise<void> | null = null
  let dirty = false

  /** While something is dragged: the list as it would be. It counts, but is neither saved nor undone. */
  const draft = shallowRef<KeepList | null>(null)
  const list = computed(() => draft.value ?? history.value.present)
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
    base.value = list.value
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
    const mine = history.value.present
    if (differ(theirs, mine)) {
      draft.value = null
      // Ours is one undo away. Where we had changed nothing, theirs is simply the newer one.
      if (differ(mine, base.value)) conflict.value = { base: base.value, mine, theirs }
      history.value = push(history.value, theirs)
      replaced.value += 1
    }
    base.value = theirs
  }

  /** Ends a conflict: both changes together, only mine, or theirs as it is shown. */
  function resolve(how: 'both' | 'mine' | 'theirs'): void {
    const found = conflict.value
    conflict.value = null
    if (!found) return
    if (how === 'mine') change(found.mine)
    if (how === 'both') change(mergeLists(found.base, found.mine, found.theirs))
  }

  /** Somebody saved a list for this recording; nothing to do if it was us. */
  async function onRemoteSave(remoteRevision: number): Promise<void> {
    if (saving) await saving
    if (loaded.value && remoteRevision > revision.value && !dirty) await adopt()
  }

  /** Looks whether somebody saved meanwhile. */
  async function refresh(): Promise<void> {
    const wanted = recording.id
    try {
      const { revision: now } = await getKeep(wanted)
      if (wanted === recording.id) await onRemoteSave(now)
    } catch {
      // It is asked again when the connection stands the next time.
    }
  }

  function schedule(after_ms: number): void {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void flush(), after_ms)
  }

  function change(next: KeepList): void {
    draft.value = null
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
      base.value = sent
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
    draft.value = null
    conflict.value = null
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

  /** Shows a list without taking it: while an edge is dragged. */
  function draw(next: KeepList): void {
    draft.value = next
  }

  /** Takes what was drawn; `false` gives it up. */
  function settle(take = true): void {
    const drawn = draft.value
    draft.value = null
    if (drawn && take) change(drawn)
  }

  const total = (): number => recording.frames

  return {
    list, loaded, revision, state, error, replaced, conflict, canUndo, canRedo, keptFrames, kept_s, removed_s, base,
    load, flush, close, undo, redo, onRemoteSave, refresh, draw, settle, change, resolve,
    add: (span: Span) => change(spans.addSpan(list.value, span)),
    subtract: (span: Span) => change(spans.subtract(list.value, span)),
    replace: (at: number, span: Span) => change(spans.replaceAt(list.value, at, span)),
    remove: (at: number) => change(spans.removeAt(list.value, at)),
    split: (frame: number) => change(spans.splitAt(list.value, frame)),
    merge: (at: number) => change(spans.mergeAt(list.value, at)),
    label: (at: number, label: string) => change(spans.labelAt(list.value, at, label)),
    invert: () => change(spans.invert(list.value, total())),
    moveEdge: (at: number, edge: Edge, frame: number) => change(spans.moveEdge(list.value, at, edge, frame, total())),
    clear: () => change([]),
  }
})
