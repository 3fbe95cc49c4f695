import type { FolderTried, Mapping, PlexTry, Traced, Tried } from '@/api/types'

export type Way = 'plex' | 'folder' | 'demo'
export type Step = 'connect' | 'sections' | 'places' | 'folder' | 'check' | 'done' | 'demo'

export const STEPS: Record<Way, Step[]> = {
  plex: ['connect', 'sections', 'places', 'check'],
  folder: ['folder', 'check'],
  demo: ['demo'],
}

export const PLEX_STEPS: PlexTry['step'][] = ['address', 'certificate', 'server', 'token', 'sections']
export const FOLDER_STEPS = ['there', 'read', 'write', 'rename', 'remove', 'recordings']

/** A line in a list of what is tried. `note` is worth knowing though nothing is wrong. */
export interface TriedRow {
  step: string
  state: 'waiting' | 'running' | 'ok' | 'note' | 'failed'
  tried: Tried | null
}

/** All lines of a list: what was tried, what is being tried, and what comes after, unless something failed before. */
export function rowsOf(steps: readonly string[], results: readonly Tried[], running: boolean): TriedRow[] {
  const rows: TriedRow[] = []
  let next = running
  for (const step of steps) {
    const tried = results.find((one) => one.step === step) ?? null
    if (tried) {
      rows.push({ step, state: tried.ok ? (tried.code ? 'note' : 'ok') : 'failed', tried })
    } else {
      rows.push({ step, state: next ? 'running' : 'waiting', tried: null })
      next = false
    }
  }
  return rows
}

/** The token itself, where a whole address with it was copied. */
export function tokenIn(written: string): string {
  return /[?&]X-Plex-Token=([^&#\s]+)/i.exec(written)?.[1] ?? written.trim()
}

/** The folder that a path lies in. */
export function parentOf(path: string): string {
  const cut = path.replace(/\/+$/, '').lastIndexOf('/')
  return cut > 0 ? path.slice(0, cut) : '/'
}

/** A name for a folder's library: the folder's own. */
export function nameOf(path: string): string {
  return path.replace(/\/+$/, '').split('/').pop() ?? ''
}

export function isReached(traced: Traced): boolean {
  return traced.here !== null && (traced.state === 'found' || traced.state === 'same')
}

/** What is written into the configuration: of folders that are the same here nothing has to be. */
export function mappingsOf(traced: readonly Traced[]): Mapping[] {
  return traced.filter((one) => one.state === 'found').map(({ plex, here }) => ({ plex, here: here ?? '' }))
}

export interface FolderToTry {
  path: string
  /** A folder in it with a recording; empty where none is known. */
  below: string
}

/** The folders in which recordings were found, each once. */
export function foldersOf(traced: readonly Traced[]): FolderToTry[] {
  const found = new Map<string, FolderToTry>()
  for (const one of traced) {
    if (!isReached(one) || one.here === null || found.has(one.here)) continue
    const below = one.example ? parentOf(one.example) : ''
    found.set(one.here, { path: one.here, below: below.startsWith(`${one.here}/`) ? below : '' })
  }
  return [...found.values()]
}

/** Whether results can be made in every folder that was tried. */
export function allWritable(tried: readonly FolderTried[]): boolean {
  return tried.every((one) => one.writable)
}
