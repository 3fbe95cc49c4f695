import { getJson, sendJson, withQuery } from './client'
import type { Folders, FolderTried, Library, NewLibrary, PlexTried, PlexTry, SetupState, Traced, TraceOrder } from './types'

export function getSetup(): Promise<SetupState> {
  return getJson('api/setup')
}

/** One step of reaching a Plex server; that it fails is an answer. */
export function tryPlex(order: PlexTry): Promise<PlexTried> {
  return sendJson('api/setup/plex/try', 'POST', order)
}

/** Where the files that a Plex server names are on plexcut's machine. */
export async function tracePlex(order: TraceOrder): Promise<Traced[]> {
  return (await sendJson<{ mappings: Traced[] }>('api/setup/plex/mappings', 'POST', order)).mappings
}

/** Folders of plexcut's machine that complete what was written. */
export function listFolders(path: string, signal?: AbortSignal): Promise<Folders> {
  return getJson(withQuery('api/setup/folders', { path }), signal)
}

/** Reads and writes in a folder. */
export function tryFolder(path: string, below = ''): Promise<FolderTried> {
  return sendJson('api/setup/folder', 'POST', { path, below })
}

export function addLibrary(library: NewLibrary): Promise<Library> {
  return sendJson('api/libraries', 'POST', library)
}

export function startDemo(): Promise<SetupState> {
  return sendJson('api/setup/demo', 'POST', {})
}
