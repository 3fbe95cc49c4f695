import type { KeepList } from '@/domain/spans'

export interface Conflict {
  base: KeepList
  mine: KeepList
  theirs: KeepList
}

const nameOf = (recording: string): string => `plexcut.conflict.${recording}`

/** Keeps both lists over a reload, until somebody has chosen. */
export function rememberConflict(recording: string, conflict: Conflict): void {
  try {
    localStorage.setItem(nameOf(recording), JSON.stringify(conflict))
  } catch {
    // It is shown for as long as the page is open.
  }
}

export function readConflict(recording: string): Conflict | null {
  try {
    const found = localStorage.getItem(nameOf(recording))
    return found ? (JSON.parse(found) as Conflict) : null
  } catch {
    return null
  }
}

export function forgetConflict(recording: string): void {
  try {
    localStorage.removeItem(nameOf(recording))
  } catch {
    // Nothing was kept either.
  }
}
