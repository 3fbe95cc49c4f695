/** Moving edges to where nothing is re-encoded. */

import { isSpan, spanOf, union, type KeepList } from './spans'

export interface NearPoints {
  side: 'start' | 'end'
  edge_frame: number
  before_frame: number | null
  before_reencoded: number | null
  after_frame: number | null
  after_reencoded: number | null
}

/** What is re-encoded now at the two ends of a kept span. */
export interface Costs {
  start_frame: number
  end_frame: number
  head: number
  tail: number
}

export interface PlannedEdges {
  spans: readonly Costs[]
  snap: readonly NearPoints[]
}

/**
 * Every outer edge moved outwards to the next place that costs less: a little more is kept, never less. Where there is
 * none on that side an edge stays. Spans that then meet are one.
 */
export function snapAll(list: KeepList, { spans, snap }: PlannedEdges): KeepList {
  const to = (side: 'start' | 'end', frame: number): number => {
    const found = snap.find((one) => one.side === side && one.edge_frame === frame)
    const planned = spans.find((one) => (side === 'start' ? one.start_frame : one.end_frame) === frame)
    const now = (side === 'start' ? planned?.head : planned?.tail) ?? 0
    const [there, cost] =
      side === 'start' ? [found?.before_frame, found?.before_reencoded] : [found?.after_frame, found?.after_reencoded]
    return there != null && (cost ?? 0) < now ? there : frame
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
export function countMoves(list: KeepList, planned: PlannedEdges): number {
  const after = snapAll(list, planned)
  const edges = new Set(list.flatMap(({ start, end }) => [`s${start}`, `e${end}`]))
  return after.flatMap(({ start, end }) => [`s${start}`, `e${end}`]).filter((edge) => !edges.has(edge)).length
}
