import type { TrashEntry } from '@/api/types'

const DAY_S = 86_400

/** Whole days until an entry is deleted by itself, at least 0; null: it stays until somebody deletes it. */
export function daysLeft(entry: Pick<TrashEntry, 'expires_at'>, now_s: number): number | null {
  if (entry.expires_at === null) return null
  return Math.max(0, Math.ceil((entry.expires_at - now_s) / DAY_S))
}

/** The folder that a path of any system lies in. */
export function folderOf(path: string): string {
  return path.replace(/[/\\][^/\\]*$/, '')
}

/** The files that go and come back with a recording. */
export function sideFiles(entry: Pick<TrashEntry, 'files'>): string[] {
  return entry.files.filter((file) => file.role !== 'recording').map((file) => file.name)
}
