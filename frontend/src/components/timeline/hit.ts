/** What lies under a pointer on the time line. */

import type { Edge, KeepList } from '@/domain/spans'
import { xOf, type View } from '@/domain/view'

import { rowAt, type Layout } from './layout'

export type Hit =
  | { kind: 'map' }
  | { kind: 'edge'; index: number; edge: Edge }
  | { kind: 'span'; index: number }
  | { kind: 'ruler' }
  | { kind: 'body' }

export interface Pointer {
  x: number
  y: number
  /** A finger is less exact, and moves the time line instead of edges where it touches pictures. */
  touch: boolean
}

const REACH_PX = 6
const TOUCH_REACH_PX = 22

export function hitAt(pointer: Pointer, layout: Layout, view: View, list: KeepList): Hit {
  const { x, y, touch } = pointer
  const row = rowAt(layout, y)
  if (row === 'map') return { kind: 'map' }
  if (row === 'ruler' || row === 'marks') return { kind: 'ruler' }
  if (row !== 'bar' && touch) return { kind: 'body' }
  const edge = edgeNear(x, touch ? TOUCH_REACH_PX : REACH_PX, layout.width, view, list)
  if (edge) return edge
  if (row === 'bar') {
    const index = list.findIndex(({ start, end }) => xOf(view, layout.width, start) <= x && x < xOf(view, layout.width, end))
    if (index >= 0) return { kind: 'span', index }
  }
  return { kind: 'body' }
}

/** The nearest edge within reach; of two at one place the one on whose side of it the pointer is. */
function edgeNear(x: number, reach: number, width: number, view: View, list: KeepList): Hit | null {
  let best: { hit: Hit; away: number } | null = null
  list.forEach((span, index) => {
    const [left, right] = [xOf(view, width, span.start), xOf(view, width, span.end)]
    // Edges of a span too narrow to hold can only be taken from outside.
    const inside = Math.min(reach, (right - left) / 3)
    for (const [edge, at, low, high] of [
      ['start', left, reach, inside],
      ['end', right, inside, reach],
    ] as const) {
      const away = x - at
      if (away < -low || away > high) continue
      const outward = edge === 'start' ? away < 0 : away >= 0
      const score = Math.abs(away) + (outward ? 0.5 : 0)
      if (!best || score < best.away) best = { hit: { kind: 'edge', index, edge }, away: score }
    }
  })
  return (best as { hit: Hit } | null)?.hit ?? null
}

export const CURSORS: Record<Hit['kind'], string> = {
  map: 'grab',
  edge: 'ew-resize',
  span: 'grab',
  ruler: 'col-resize',
  body: 'default',
}
