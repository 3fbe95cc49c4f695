/** Places that a pointer catches on. */

export const SNAP_KINDS = ['edges', 'keyframes', 'lossless', 'black', 'silence', 'marks'] as const
export type SnapKind = (typeof SNAP_KINDS)[number]

/** Frames of one kind, rising. */
export interface SnapSource {
  kind: SnapKind
  frames: ArrayLike<number>
}

export interface Snapped {
  frame: number
  /** Null: nothing was near, the frame is the one under the pointer. */
  kind: SnapKind | null
}

/** The index of the first entry that is not below `value`. */
export function lowerBound(sorted: ArrayLike<number>, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return low
}

/** The entry nearest to `value`; null of none. */
export function nearestOf(sorted: ArrayLike<number>, value: number): number | null {
  const at = lowerBound(sorted, value)
  const [before, after] = [sorted[at - 1], sorted[at]]
  if (before === undefined) return after ?? null
  if (after === undefined) return before
  return value - before <= after - value ? before : after
}

/**
 * The place that is caught on: of those at most `reach` frames away the first kind in the list of sources wins, then the
 * nearest. `place` may have a fraction: it lies within a frame.
 */
export function snap(place: number, reach: number, sources: readonly SnapSource[]): Snapped {
  for (const { kind, frames } of sources) {
    const near = nearestOf(frames, place)
    if (near !== null && Math.abs(near - place) <= reach) return { frame: near, kind }
  }
  return { frame: Math.floor(place), kind: null }
}
