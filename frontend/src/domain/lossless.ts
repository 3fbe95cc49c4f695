/** Moving edges to where nothing is re-encoded. */

import { isSpan, spanOf, union, type KeepList } from './spans'

export interface NearPoints {
  side: 'start' | 'end'
  edge_frame: number
  before_frame: number | null
  after_frame: number | null
}

/**
 * Every outer edge moved to the next lossless point outwards: a little more is kept, never less. Where there is none
 * on that side an edge stays. Spans that then meet are one.
 */
export function snapAll(list: KeepList, points: readonly NearPoints[]): KeepList {
  const to = (side: 'start' | 'end', frame: number): number => {
    const found = points.find((one) => one.side === side && one.edge_frame === frame)
    return (side === 'start' ? found?.before_frame : found?.after_frame) ?? frame
  }
  const moved = list.map((span, at) => {
    const joinsBefore = list[at - 1]?.end === span.start
    const joinsNext = list[at + 1]?.start === span.end
    return spanOf(
      joinsBefore ? span.start : to('start', span.start),
      joinsNext ? span.end : to('end', span.end),
      span.label,
    )
  })
  const clash = moved.some((span, at) => at > 0 && span.start < (moved[at - 1]?.end ?? 0))
  return clash ? union(moved) : moved.filter(isSpan)
}

/** How many edges would move. */
export function countMoves(list: KeepList, points: readonly NearPoints[]): number {
  const after = snapAll(list, points)
  const edges = new Set(list.flatMap(({ start, end }) => [`s${start}`, `e${end}`]))
  return after.flatMap(({ start, end }) => [`s${start}`, `e${end}`]).filter((edge) => !edges.has(edge)).length
}
