import { describe, expect, it } from 'vitest'

import { countMoves, snapAll, type Costs, type NearPoints } from './lossless'

const point = (side: 'start' | 'end', edge_frame: number, before: number | null, after: number | null, cost = 0): NearPoints => ({
  side, edge_frame, before_frame: before, before_reencoded: cost, after_frame: after, after_reencoded: cost,
})
const cost = (start_frame: number, end_frame: number, head: number, tail: number): Costs => ({ start_frame, end_frame, head, tail })

describe('snapping all edges', () => {
  const list = [{ start: 12, end: 47 }, { start: 103, end: 190, label: 'two' }]
  const planned = {
    spans: [cost(12, 47, 8, 2), cost(103, 190, 7, 0)],
    snap: [point('start', 12, 10, 20), point('end', 47, 45, 50), point('start', 103, 100, 110), point('end', 190, 190, 190)],
  }

  it('keeps a little more, never less', () => {
    expect(snapAll(list, planned)).toEqual([{ start: 10, end: 50 }, { start: 100, end: 190, label: 'two' }])
    expect(countMoves(list, planned)).toBe(3)
  })

  it('moves nothing where that would cost as much or more', () => {
    const dear = { ...planned, snap: [point('start', 12, 10, 20, 24), point('start', 103, 100, 110, 7)] }
    expect(snapAll(list, dear)).toEqual(list)
    expect(countMoves(list, dear)).toBe(0)
  })

  it('leaves an edge that has nowhere to go, and divisions', () => {
    const divided = [{ start: 12, end: 30 }, { start: 30, end: 47 }]
    const snap = [point('start', 12, null, 20), point('end', 47, 45, 50), point('start', 30, 0, 40)]
    expect(snapAll(divided, { spans: [cost(12, 47, 8, 3)], snap })).toEqual([{ start: 12, end: 30 }, { start: 30, end: 50 }])
  })

  it('joins what meets', () => {
    const two = [{ start: 12, end: 47 }, { start: 60, end: 90 }]
    const spans = [cost(12, 47, 0, 5), cost(60, 90, 5, 0)]
    expect(snapAll(two, { spans, snap: [point('end', 47, 45, 70), point('start', 60, 55, 70)] })).toEqual([{ start: 12, end: 90 }])
  })
})
