/** Short names for the shapes of the interface, which are generated from the server's OpenAPI document. */

import type { components } from './schema'

type Schemas = components['schemas']

export type ErrorBody = Schemas['ErrorDetail']
export type Library = Schemas['Library']
export type Section = Schemas['Section']
export type Version = Schemas['Version']
export type Item = Schemas['Item']
export type ItemPage = Schemas['Items']
export type Recording = Schemas['Recording']
export type KeepAnswer = Schemas['Keep']
export type ImportedKeep = Schemas['ImportedKeep']
export type PreCheck = Schemas['PreCheck']
export type Restored = Schemas['Restored']
export type CutListFormat = ImportedKeep['format']
export type KeepHistory = Schemas['KeepHistory']
export type KeepChange = Schemas['KeepChange']
export type KeepEvent = Schemas['KeepEvent']
export type PlanAnswer = Schemas['Plan']
export type Marks = Schemas['Marks']
export type Trash = Schemas['Trash']
export type Emptied = Schemas['Emptied']
export type Names = Schemas['Names']
export type Chapter = Schemas['Chapter']
export type Marker = Schemas['Marker']
export type Keyframes = Schemas['Keyframes']
export type Breaks = Schemas['Breaks']
export type CopyPoints = Schemas['CopyPoints']
export type Filmstrip = Schemas['Filmstrip']
export type Tile = Schemas['Tile']
export type Waveform = Schemas['Waveform']
export type SnapEdge = Schemas['SnapEdge']
export type Audio = Schemas['Audio']
export type CutOrder = Schemas['CutOrder']
export type CutOptions = Schemas['CutOptions']
export type JobResult = Schemas['JobResult']
export type LogLine = Schemas['LogLine']
export type Priority = NonNullable<CutOrder['priority']>
export type TrashEntry = Schemas['TrashEntry']
export type Job = Schemas['Job']
export type JobState = Job['state']
export type Progress = Schemas['Progress']
export type ServerNotice = Schemas['Notices']['notices'][number]
export type Selection = Schemas['Selection']
export type SelectionChange = Schemas['SelectionChange']
export type TimelineOrder = Schemas['TimelineOrder']
export type TimelineFrame = Schemas['TimelineFrame']
export type Session = Schemas['Session']

export type SortKey = 'title' | '-title' | 'added_at' | '-added_at' | 'year' | '-year'
export type ItemState = 'all' | 'recent' | 'uncut' | 'kept' | 'cut' | 'proposed'
export type CutMode = NonNullable<CutOrder['mode']>

/** A place as it is sent: seconds, or a written form such as `#120` or `00:01:02.5`. */
export type WrittenPosition = number | string

export type SetupState = Schemas['Setup']
export type Tried = Schemas['Tried']
export type PlexTried = Schemas['PlexTried']
export type PlexTry = Schemas['PlexTry']
export type PlexSection = Schemas['PlexSection']
export type Traced = Schemas['Traced']
export type TraceOrder = Schemas['TraceOrder']
export type Mapping = Schemas['Mapping']
export type Folders = Schemas['Folders']
export type FolderTried = Schemas['FolderTried']
export type NewLibrary = Schemas['NewLibrary']
