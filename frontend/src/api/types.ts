/** What the HTTP interface answers and takes. Times end in `_s` (seconds), spans of frames are half-open. */

export type SectionType = 'movie' | 'show'
export type ItemType = 'movie' | 'show' | 'season' | 'episode'
export type SortKey = 'title' | '-title' | 'added_at' | '-added_at' | 'year' | '-year'
export type JobState = 'queued' | 'running' | 'finished' | 'failed' | 'cancelled'
export type IndexState = 'none' | 'building' | 'ready' | 'failed'
export type CutMode = 'exact' | 'keyframe'
export type CutOutput = 'beside'

export interface ErrorBody {
  code: string
  message: string
  hint: string
}

export interface Library {
  id: string
  name: string
  kind: string
  online: boolean
  /** Why it is offline; empty when it is not. */
  message: string
}

export interface Section {
  id: string
  title: string
  section_type: SectionType
}

export interface Version {
  recording: string
  label: string
  container: string | null
  video_codec: string | null
  width: number | null
  height: number | null
  size_bytes: number | null
  duration_s: number | null
  part: number
  parts: number
}

export interface Item {
  id: string
  type: ItemType
  title: string
  library: string
  section: string
  year: number | null
  added_at: number | null
  duration_s: number | null
  recording: string | null
  parent: string | null
  show: string | null
  index: number | null
  parent_index: number | null
  show_title: string | null
  summary: string | null
  thumb: string | null
  versions: Version[]
}

export interface ItemPage {
  items: Item[]
  total: number
}

export interface IndexStatus {
  state: IndexState
  percent: number
  error: string | null
}

/** The keys of `probe` are null while the index is being built. */
export interface Recording {
  id: string
  title: string
  item: string
  path_name: string
  fingerprint: string
  keep_revision: number
  index: IndexStatus
  duration_s: number | null
  frames: number | null
  fps: number | null
  keyframes: number | null
  video: { codec: string; width: number; height: number; interlaced: boolean } | null
  audio: { codec: string; language: string | null; channels: number | null }[] | null
}

/** A place as it is sent: seconds, or a written form such as `#120` or `00:01:02.5`. */
export type WrittenPosition = number | string

export interface KeepAnswer {
  keep: [number, number][]
  keep_frames: [number, number][]
  revision: number
  fingerprint: string | null
}

export interface PlanAnswer {
  frames: number
  frames_copied: number
  frames_reencoded: number
  duration_s: number
  bytes: number
  warnings: string[]
  keep: [number, number][]
  keep_frames: [number, number][]
}

export interface CutOrder {
  keep: [WrittenPosition, WrittenPosition][]
  mode: CutMode
  output: CutOutput
  fingerprint?: string
}

export interface Job {
  id: string
  kind: string
  state: JobState
  title: string
  recording: string
  phase: string
  percent: number
  eta_s: number | null
  created_at: number
  started_at: number | null
  ended_at: number | null
  result: Record<string, unknown> | null
  error: ErrorBody | null
  section?: string | null
  raw_duration_s?: number | null
  cut_duration_s?: number | null
  output_path?: string | null
}

export interface Selection {
  library: string | null
  section: Section | null
  movie: Item | null
  pos_s: number
  eta_s: number | null
}

export interface SelectionChange {
  library?: string
  section?: string
  show?: string
  season?: string
  movie?: string
  pos_s?: number
}

export interface TimelineOrder {
  basename: string
  pos: WrittenPosition
  l: number
  r: number
  step: number
  size: number
}

export interface TimelineFrame {
  k: number
  pos_s: number
  frame: number
  time_s: number
  url: string
}

export interface Session {
  login_required: boolean
  authenticated: boolean
}
