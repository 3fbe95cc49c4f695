/** Edges of a list: the one that is worked on, and the frames on its two sides. */

import { edgeRange, indexAt, type Edge, type KeepList } from './spans'

export interface EdgeAt {
  index: number
  edge: Edge
  /** The first frame behind it: kept at a start, removed at an end. */
  frame: number
}

/** The edge nearest to a frame; the last kept frame counts as near to its end as the first one to its start. */
export function edgeNear(list: KeepList, frame: number): EdgeAt | null {
  let best: { edge: EdgeAt; away: number } | null = null
  list.forEach((span, index) => {
    for (const edge of ['start', 'end'] as const) {
      const at = span[edge]
      const away = edge === 'start' ? Math.abs(frame - at) : Math.min(Math.abs(frame - at), Math.abs(frame - (at - 1)))
      if (!best || away < best.away) best = { edge: { index, edge, frame: at }, away }
    }
  })
  return (best as { edge: EdgeAt } | null)?.edge ?? null
}

export interface Side {
  side: 'before' | 'behind'
  /** Null where the recording ends. */
  frame: number | null
  kept: boolean
}

export function sidesOf(list: KeepList, { frame }: EdgeAt, total: number): Side[] {
  const side = (name: Side['side'], at: number): Side => ({
    side: name,
    frame: at >= 0 && at < total ? at : null,
    kept: indexAt(list, at) >= 0,
  })
  return [side('before', frame - 1), side('behind', frame)]
}

/** The frame to look at when an edge was moved: the kept one beside it. */
export function pictureOf({ edge, frame }: EdgeAt): number {
  return edge === 'start' ? frame : frame - 1
}

/** Where an edge comes to lie when it is moved by some frames. */
export function nudged(list: KeepList, at: EdgeAt, by: number, total: number): number {
  const [least, most] = edgeRange(list, at.index, at.edge, total)
  return Math.max(least, Math.min(at.frame + by, most))
}
