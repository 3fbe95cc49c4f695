import { spanOf, type KeepList } from '@/domain/spans'

import { address, getJson, send, sendJson, withQuery } from './client'
import type {
  Breaks,
  CopyPoints,
  CutListFormat,
  CutOptions,
  CutOrder,
  Emptied,
  Filmstrip,
  ImportedKeep,
  Item,
  ItemPage,
  ItemState,
  Job,
  JobResult,
  Keyframes,
  KeepAnswer,
  KeepChange,
  KeepHistory,
  Library,
  LogLine,
  Marks,
  Names,
  PlanAnswer,
  PreCheck,
  Priority,
  Progress,
  Recording,
  Restored,
  Section,
  Selection,
  SelectionChange,
  ServerNotice,
  Session,
  SortKey,
  TimelineFrame,
  TimelineOrder,
  Trash,
  Waveform,
  WrittenPosition,
} from './types'

const id = encodeURIComponent

export interface ItemsQuery {
  search: string
  sort: SortKey
  state: ItemState
  offset: number
  limit: number
}

export async function listLibraries(signal?: AbortSignal): Promise<Library[]> {
  return (await getJson<{ libraries: Library[] }>('api/libraries', signal)).libraries
}

export async function listSections(library: string, signal?: AbortSignal): Promise<Section[]> {
  return (await getJson<{ sections: Section[] }>(`api/libraries/${id(library)}/sections`, signal)).sections
}

export function listItems(
  library: string,
  section: string,
  query: ItemsQuery,
  signal?: AbortSignal,
): Promise<ItemPage> {
  return getJson(withQuery(`api/libraries/${id(library)}/sections/${id(section)}/items`, { ...query }), signal)
}

export function getItem(item: string, signal?: AbortSignal): Promise<Item> {
  return getJson(`api/items/${id(item)}`, signal)
}

export async function listChildren(item: string, signal?: AbortSignal): Promise<Item[]> {
  return (await getJson<ItemPage>(withQuery(`api/items/${id(item)}/children`, { limit: 1000 }), signal)).items
}

export function getRecording(recording: string, signal?: AbortSignal): Promise<Recording> {
  return getJson(`api/recordings/${id(recording)}`, signal)
}

export interface FrameQuery {
  n?: number
  at?: WrittenPosition
  width?: number
}

export function framePath(recording: string, query: FrameQuery): string {
  return withQuery(`api/recordings/${id(recording)}/frame`, { ...query })
}

export interface FramePicture {
  blob: Blob
  /** Null while the index is being built and the number cannot be known yet. */
  frame: number | null
  time_s: number | null
}

export async function getFrame(recording: string, query: FrameQuery, signal?: AbortSignal): Promise<FramePicture> {
  // Listing JSON first makes a failure come as the error shape instead of the error picture.
  const response = await send(framePath(recording, query), { accept: 'image/jpeg, application/json;q=0.5', signal })
  const number = response.headers.get('X-Frame-Number')
  const time = response.headers.get('X-Frame-Time')
  return {
    blob: await response.blob(),
    frame: number === null ? null : Number(number),
    time_s: time === null ? null : Number(time),
  }
}

export interface StripQuery {
  /** Frames. */
  from: number
  to: number
  step: number
  height: number
}

export function getFilmstrip(recording: string, query: StripQuery, signal: AbortSignal): Promise<Filmstrip> {
  const { from, to, step, height } = query
  const path = `api/recordings/${id(recording)}/filmstrip`
  return getJson(withQuery(path, { from: `#${from}`, to: `#${to}`, step, height }), signal)
}

/** An image of our server, ready to be drawn. */
export async function getBitmap(path: string, signal: AbortSignal): Promise<ImageBitmap> {
  const response = await send(path, { accept: 'image/webp, image/jpeg', signal })
  return createImageBitmap(await response.blob())
}

export interface WaveQuery {
  /** Frames. */
  from: number
  to: number
  points: number
  wait_s: number
}

export function getWaveform(recording: string, query: WaveQuery, signal: AbortSignal): Promise<Waveform> {
  const { from, to, points, wait_s } = query
  const path = `api/recordings/${id(recording)}/waveform`
  return getJson(withQuery(path, { from: `#${from}`, to: `#${to}`, points, wait_s }), signal)
}

export function getMarks(recording: string, signal?: AbortSignal): Promise<Marks> {
  return getJson(`api/recordings/${id(recording)}/marks`, signal)
}

/** Keyframes of frames `[from, to)`. */
export function getKeyframes(recording: string, from: number, to: number, signal?: AbortSignal): Promise<Keyframes> {
  return getJson(withQuery(`api/recordings/${id(recording)}/keyframes`, { from: `#${from}`, to: `#${to}` }), signal)
}

/** Where copying can begin and end in frames `[from, to)`. */
export function getCopyPoints(recording: string, from: number, to: number, signal?: AbortSignal): Promise<CopyPoints> {
  return getJson(withQuery(`api/recordings/${id(recording)}/copy-points`, { from: `#${from}`, to: `#${to}` }), signal)
}

export interface VideoQuery {
  from?: string
  to?: string
  keep?: string
  audio?: number | null
  fingerprint?: string
}

/** The address of what a `<video>` plays. */
export function videoAddress(recording: string, query: VideoQuery): string {
  return address(withQuery(`api/recordings/${id(recording)}/video.mp4`, { ...query }))
}

/** The saved list amid the steps that undo and redo lead to: as many as the server tells. */
export function getKeepHistory(recording: string): Promise<KeepHistory> {
  return getJson(withQuery(`api/recordings/${id(recording)}/keep/history`, { limit: 1000 }))
}

/** What another program's cut list keeps; nothing is saved. */
export async function readCutList(recording: string, file: Blob): Promise<ImportedKeep> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return sendJson(`api/recordings/${id(recording)}/cutlist`, 'POST', { base64: btoa(text) })
}

/** The breaks that a cut list beside the recording proposes. */
export function getBreaks(recording: string): Promise<Breaks> {
  return getJson(`api/recordings/${id(recording)}/breaks`)
}

/** Says which proposed breaks are none, in place of what was said before. */
export function dismissBreaks(recording: string, dismissed: [WrittenPosition, WrittenPosition][]): Promise<Breaks> {
  return sendJson(`api/recordings/${id(recording)}/breaks`, 'PUT', { dismissed })
}

/** Where the saved keep list is, as a file of another program. */
export function cutListAddress(recording: string, format: CutListFormat): string {
  return address(withQuery(`api/recordings/${id(recording)}/cutlist`, { format }))
}

export function stepKeep(recording: string, kind: 'undo' | 'redo', revision: number): Promise<KeepHistory> {
  return sendJson(`api/recordings/${id(recording)}/keep/${kind}`, 'POST', { revision })
}

/** Names of spans and where spans are divided. */
export async function getNames(recording: string): Promise<KeepList> {
  return namedSpans((await getJson<Names>(`api/recordings/${id(recording)}/names`)).names)
}

export function namedSpans(names: Names['names']): KeepList {
  return names.map(({ start_frame, end_frame, name }) => spanOf(start_frame, end_frame, name))
}

/** Names and divisions as they are saved with a keep list. */
export function namesOf(list: KeepList): Names['names'] {
  return list.map(({ start, end, label }) => ({ start_frame: start, end_frame: end, name: label ?? '' }))
}

export function putKeep(recording: string, change: KeepChange): Promise<KeepAnswer> {
  return sendJson(`api/recordings/${id(recording)}/keep`, 'PUT', change)
}

export async function planCut(recording: string, order: CutOrder, signal: AbortSignal): Promise<PlanAnswer> {
  const path = `api/recordings/${id(recording)}/plan`
  return (await (await send(path, { method: 'POST', body: order, signal })).json()) as PlanAnswer
}

/** What stands in the way of a cut, looked at now. */
export async function checkCut(recording: string, order: CutOrder, signal: AbortSignal): Promise<PreCheck[]> {
  const answer = await send(`api/recordings/${id(recording)}/check`, { method: 'POST', body: order, signal })
  return ((await answer.json()) as { checks: PreCheck[] }).checks
}

/** Brings the original back after a cut in place; resolves when it is there. */
export function restoreOriginal(recording: string): Promise<Restored> {
  return sendJson(`api/recordings/${id(recording)}/restore`, 'POST', {})
}

export function startCut(recording: string, order: CutOrder): Promise<Job> {
  return sendJson(`api/recordings/${id(recording)}/cut`, 'POST', order)
}

/** The recordings that have a saved keep list. */
export async function listKeeps(): Promise<string[]> {
  return (await getJson<{ keeps: { recording: string }[] }>('api/keeps')).keeps.map((one) => one.recording)
}

/** What is configured for cuts, and where results can go. */
export function getCutOptions(): Promise<CutOptions> {
  return getJson('api/cut-options')
}

/** What a job wrote, and as which recording the library shows it. */
export function getJobResult(job: string): Promise<JobResult> {
  return getJson(`api/jobs/${id(job)}/result`)
}

export async function getJobLog(job: string): Promise<LogLine[]> {
  return (await getJson<{ lines: LogLine[] }>(`api/jobs/${id(job)}/log`)).lines
}

export async function listJobs(): Promise<Job[]> {
  return (await getJson<{ jobs: Job[] }>('api/jobs')).jobs
}

export function cancelJob(job: string): Promise<Job> {
  return sendJson(`api/jobs/${id(job)}`, 'DELETE')
}

/** Gives a waiting job another place in the queue: counted from 1, or before another that waits. */
export function moveJob(job: string, to: { position: number } | { before: string }): Promise<Job> {
  return sendJson(`api/jobs/${id(job)}/move`, 'POST', to)
}

export function prioritiseJob(job: string, priority: Priority): Promise<Job> {
  return sendJson(`api/jobs/${id(job)}/priority`, 'POST', { priority })
}

export function pauseQueue(paused: boolean): Promise<Progress> {
  return sendJson(paused ? 'api/queue/pause' : 'api/queue/resume', 'POST', {})
}

export async function listServerNotices(): Promise<ServerNotice[]> {
  return (await getJson<{ notices: ServerNotice[] }>('api/notices')).notices
}

export function retryJob(job: string): Promise<Job> {
  return sendJson(`api/jobs/${id(job)}/retry`, 'POST', {})
}

export function putSelection(change: SelectionChange): Promise<Selection> {
  return sendJson('api/selection', 'PUT', change)
}

export async function getTimeline(order: TimelineOrder, signal: AbortSignal): Promise<TimelineFrame[]> {
  const answer = await send('api/timeline', { method: 'POST', body: order, signal })
  return ((await answer.json()) as { frames: TimelineFrame[] }).frames
}

export function getSession(): Promise<Session> {
  return getJson('api/session')
}

export async function logIn(password: string): Promise<void> {
  await send('api/session', { method: 'POST', body: { password } })
}

export async function logOut(): Promise<void> {
  await send('api/session', { method: 'DELETE' })
}

/** What cuts in place have replaced. */
export function getTrash(): Promise<Trash> {
  return getJson('api/trash')
}

/** Deletes one entry of the trash for good. */
export function deleteTrash(entry: string): Promise<Emptied> {
  return sendJson(`api/trash/${id(entry)}`, 'DELETE')
}

/** Brings one entry of the trash back to where it was; resolves when it is there. */
export function restoreEntry(entry: string): Promise<Restored> {
  return sendJson(`api/trash/${id(entry)}/restore`, 'POST', {})
}

/** Where the poster of an item is, as an address for `<img>`; null without one. */
export function thumbAddress(item: Item): string | null {
  return item.thumb === null ? null : address(item.thumb)
}
