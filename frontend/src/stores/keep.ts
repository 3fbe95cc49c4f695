import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { ApiError, toApiError } from '@/api/client'
import { getKeepHistory, getNames, namedSpans, namesOf, putKeep, stepKeep } from '@/api/endpoints'
import type { ImportedKeep, KeepAnswer, KeepHistory, WrittenPosition } from '@/api/types'
import { push, redo as redoHistory, startHistory, undo as undoHistory, type History } from '@/domain/history'
import { carry, differ, mergeLists } from '@/domain/merge'
import * as spans from '@/domain/spans'
import type { Edge, KeepList, Span } from '@/domain/spans'

import { forgetConflict, readConflict, rememberConflict, type Conflict } from './conflicts'
import { useRecording } from './recording'

export type SaveState = 'saved' | 'waiting' | 'saving' | 'failed'

const RETRY_AFTER_MS = 3_000

/** What is to be told to the server, one after the other: each change is a step that it can undo. */
type Order = { kind: 'save'; list: KeepList } | { kind: 'undo' | 'redo'; list: KeepList }

/** Frames as they are sent: exact, whatever their times are. Divisions go along with the names. */
export function written(list: KeepList): [WrittenPosition, WrittenPosition][] {
  return spans.union(list).map((span) => [`#${span.start}`, `#${span.end}`])
}

/** The keep list of the open recording: changes with undo, saved by themselves, the same on every device. */
export const useKeep = defineStore('keep', () => {
  const recording = useRecording()
  const history = shallowRef(startHistory<KeepList>([]))
  const loaded = ref(false)
  const revision = ref(0)
  const state = ref<SaveState>('saved')
  const error = shallowRef<ApiError | null>(null)
  /** Counts how often somebody else's list replaced ours, for the message about it. */
  const replaced = ref(0)
  /** What a cut list beside the recording keeps, where nothing was ever saved. It is a proposal. */
  const offered = shallowRef<ImportedKeep | null>(null)
  /** What the server had when we last agreed with it. */
  const base = shallowRef<KeepList>([])
  /** Somebody else saved while we had changes of our own: both lists, and what they were made from. */
  const conflict = shallowRef<Conflict | null>(null)
  /** While something is dragged: the list as it would be. It counts, but is neither saved nor undone. */
  const draft = shallowRef<KeepList | null>(null)
  let orders: Order[] = []
  let timer = 0
  let saving: Promise<void> | null = null

  const list = computed(() => draft.value ?? history.value.present)
  /** The list as it was before something was taken hold of: what need not follow every move of a hand. */
  const settled = computed(() => history.value.present)
  const canUndo = computed(() => history.value.past.length > 0)
  const canRedo = computed(() => history.value.future.length > 0)
  const keptFrames = computed(() => spans.countFrames(settled.value))
  const kept_s = computed(() =>
    settled.value.reduce((sum, span) => sum + recording.timeOf(span.end) - recording.timeOf(span.start), 0),
  )
  const removed_s = computed(() => Math.max(0, (recording.duration_s ?? 0) - kept_s.value))

  function noteTimes(answer: Pick<KeepAnswer, 'keep' | 'keep_frames'> & Partial<Pick<KeepAnswer, 'applies'>>): void {
    if (answer.applies === false) return
    answer.keep_frames.forEach(([start, end], at) => {
      const times = answer.keep[at]
      if (!times) return
      recording.noteTime(start, times[0])
      recording.noteTime(end, times[1])
    })
  }

  function listOf(frames: readonly (readonly [number, number])[]): KeepList {
    return spans.union(frames.map(([start, end]) => ({ start, end })))
  }

  /**
   * The server's history; steps whose names and divisions are not known have those of `named`. The list of the file that was there before (a
   * cut in place made it another one) is none of this one: in its place is an empty one.
   */
  function historyOf(answer: KeepHistory, named: KeepList): History<KeepList> {
    if (!answer.applies) return startHistory<KeepList>([])
    const lists = answer.steps.map((step) => carry(step.names ? namedSpans(step.names) : named, listOf(step.keep_frames)))
    return {
      past: lists.slice(0, answer.position),
      present: lists[answer.position] ?? carry(named, listOf(answer.keep_frames)),
      future: lists.slice(answer.position + 1),
    }
  }

  function agree(answer: KeepHistory, named: KeepList): void {
    noteTimes(answer)
    history.value = historyOf(answer, named)
    base.value = history.value.present
    revision.value = answer.revision
    state.value = 'saved'
    error.value = null
  }

  async function load(): Promise<void> {
    const wanted = recording.id
    const [answer, named] = await Promise.all([getKeepHistory(wanted), getNames(wanted)])
    if (wanted !== recording.id) return
    orders = []
    agree(answer, named)
    conflict.value = readConflict(wanted)
    loaded.value = true
    offered.value = answer.imported
  }

  /** Takes the list that another program made, in place of what there is; it can be undone. */
  function take(found: ImportedKeep): void {
    noteTimes(found)
    change(found.keep_frames.map(([start, end], at) => spans.spanOf(start, end, found.labels[at] || undefined)))
  }

  /** Takes the server's list in place of ours; what was ours alone is put aside for a decision. */
  async function adopt(): Promise<void> {
    const wanted = recording.id
    const [answer, named] = await Promise.all([getKeepHistory(wanted), getNames(wanted)])
    if (wanted !== recording.id) return
    const mine = history.value.present
    const before = base.value
    const unsaved = orders.length > 0
    orders = []
    draft.value = null
    agree(answer, named)
    if (unsaved && !differ(mine, before)) {
      // Only names are ours: they go onto the list that is there now.
      const next = carry(mine, history.value.present)
      if (!spans.sameList(next, history.value.present)) change(next)
    }
    if (!differ(history.value.present, mine)) return
    if (unsaved && differ(mine, before)) {
      conflict.value = { base: before, mine, theirs: history.value.present }
      rememberConflict(wanted, conflict.value)
    }
    replaced.value += 1
  }

  /** Ends a conflict: both changes together, only mine, or theirs as it is shown. */
  function resolve(how: 'both' | 'mine' | 'theirs'): void {
    const found = conflict.value
    conflict.value = null
    forgetConflict(recording.id)
    if (!found) return
    if (how === 'mine') change(found.mine)
    // What was changed since the conflict arose counts as theirs.
    if (how === 'both') change(mergeLists(found.base, found.mine, list.value))
  }

  /** Somebody saved a list for this recording; nothing to do if it was us. */
  async function onRemoteSave(remoteRevision: number): Promise<void> {
    if (saving) await saving
    if (!loaded.value || orders.length > 0 || draft.value) return
    if (remoteRevision > revision.value) await adopt()
    else if (remoteRevision === revision.value) await refreshNames()
  }

  async function refreshNames(): Promise<void> {
    const wanted = recording.id
    const named = await getNames(wanted)
    if (wanted !== recording.id || orders.length > 0) return
    const next = carry(named, history.value.present)
    if (!spans.sameList(next, history.value.present)) history.value = { ...history.value, present: next }
  }

  /** Looks whether somebody saved meanwhile. */
  async function refresh(): Promise<void> {
    const wanted = recording.id
    try {
      const { revision: now } = await getKeepHistory(wanted)
      if (wanted === recording.id) await onRemoteSave(now)
    } catch {
      // It is asked again when the connection stands the next time.
    }
  }

  function change(next: KeepList): void {
    draft.value = null
    const before = history.value.present
    if (spans.sameList(next, before)) return
    history.value = push(history.value, next)
    order({ kind: 'save', list: next })
  }

  function order(what: Order): void {
    orders.push(what)
    if (state.value === 'saved') state.value = 'waiting'
    window.clearTimeout(timer)
    void flush()
  }

  async function send(what: Order): Promise<void> {
    const wanted = recording.id
    state.value = 'saving'
    if (what.kind === 'save') {
      const fingerprint = recording.info?.fingerprint
      const named = { keep: written(what.list), names: namesOf(what.list), revision: revision.value }
      const keep = { ...named, ...(fingerprint ? { fingerprint } : {}) }
      const answer = await putKeep(wanted, keep)
      if (wanted !== recording.id) return
      revision.value = answer.revision
      noteTimes(answer)
    } else {
      const answer = await stepKeep(wanted, what.kind, revision.value)
      if (wanted !== recording.id) return
      revision.value = answer.revision
      // The server's history counts: ours may have been shorter, or of another tab.
      if (orders.length <= 1) agree(answer, what.list)
    }
    base.value = what.list
    error.value = null
  }

  async function sendAll(): Promise<void> {
    const wanted = recording.id
    while (orders.length > 0 && loaded.value) {
      const next = orders[0] as Order
      try {
        await send(next)
        if (wanted !== recording.id) return
        orders = orders.filter((one) => one !== next)
      } catch (caught) {
        if (wanted !== recording.id) return
        if (!(await mended(toApiError(caught)))) return
      }
    }
    if (loaded.value) state.value = 'saved'
  }

  /** What to do about a save that failed; whether to go on at once. */
  async function mended(caught: ApiError): Promise<boolean> {
    if (caught.code === 'stale_revision') {
      await adopt()
      return true
    }
    if (caught.code === 'nothing_to_undo') {
      orders = [{ kind: 'save', list: history.value.present }]
      return true
    }
    error.value = caught
    state.value = 'failed'
    // The file is another one now: look at it anew. What was chosen stays, and is saved with the next change.
    if (caught.code === 'recording_changed') await recording.load()
    if (caught.unreachable || caught.status === 503) timer = window.setTimeout(() => void flush(), RETRY_AFTER_MS)
    else orders = [{ kind: 'save', list: history.value.present }]
    return false
  }

  /** Saves now what has not been saved; resolves when it is, or has failed. */
  async function flush(): Promise<void> {
    window.clearTimeout(timer)
    if (saving) {
      await saving
      return
    }
    if (orders.length === 0 || !loaded.value) return
    saving = sendAll()
    try {
      await saving
    } finally {
      saving = null
    }
  }

  /** Forgets the list; whoever calls this has flushed before. */
  function close(): void {
    window.clearTimeout(timer)
    orders = []
    loaded.value = false
    draft.value = null
    conflict.value = null
    offered.value = null
    state.value = 'saved'
    history.value = startHistory<KeepList>([])
  }

  function step(kind: 'undo' | 'redo'): void {
    draft.value = null
    history.value = kind === 'undo' ? undoHistory(history.value) : redoHistory(history.value)
    order({ kind, list: history.value.present })
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
    list, settled, loaded, revision, state, error, replaced, conflict, canUndo, canRedo, keptFrames, kept_s, removed_s,
    load, flush, close, onRemoteSave, refresh, draw, settle, change, resolve, take, offered,
    undo: () => canUndo.value && step('undo'),
    redo: () => canRedo.value && step('redo'),
    add: (span: Span) => change(spans.addSpan(list.value, span)),
    subtract: (span: Span) => change(spans.subtract(list.value, span)),
    replace: (at: number, span: Span) => change(spans.replaceAt(list.value, at, span)),
    remove: (at: number) => change(spans.removeAt(list.value, at)),
    split: (frame: number) => change(spans.splitAt(list.value, frame)),
    merge: (at: number) => change(spans.mergeAt(list.value, at)),
    label: (at: number, label: string) => change(spans.labelAt(list.value, at, label)),
    invert: () => change(spans.invert(list.value, total())),
    moveEdge: (at: number, edge: Edge, frame: number) => spans.moveEdge(list.value, at, edge, frame, total()),
    clear: () => change([]),
  }
})
