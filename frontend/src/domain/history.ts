/** Undo and redo of any value that is never changed in place. */

export interface History<T> {
  readonly past: readonly T[]
  readonly present: T
  readonly future: readonly T[]
}

export function startHistory<T>(present: T): History<T> {
  return { past: [], present, future: [] }
}

/** A new present; what had been undone is forgotten. */
export function push<T>(history: History<T>, present: T): History<T> {
  return { past: [...history.past, history.present], present, future: [] }
}

export function undo<T>(history: History<T>): History<T> {
  if (history.past.length === 0) return history
  const present = history.past.at(-1) as T
  return { past: history.past.slice(0, -1), present, future: [history.present, ...history.future] }
}

export function redo<T>(history: History<T>): History<T> {
  if (history.future.length === 0) return history
  const [present, ...future] = history.future as [T, ...T[]]
  return { past: [...history.past, history.present], present, future }
}
