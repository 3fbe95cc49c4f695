import { describe, expect, it } from 'vitest'

import { countMoves, snapAll, type NearPoints } from './lossless'

const point = (side: 'start' | 'end', edge_frame: number, before_frame: number | null, after_frame: number | null): NearPoints => ({
  side, edge_frame, before_frame, after_frame,
})

describe('snapping all edges', () => {
  const list = [{ start: 12, end: 47 }, { start: 103, end: 190, label: 'two' }]
  const points = [point('start', 12, 10, 20), point('end', 47, 45, 50), point('start', 103, 100, 110), point('end', 190, 190, 190)]

  it('keeps a little more, never less', () => {
    expect(snapAll(list, points)).toEqual([{ start: 10, end: 50 }, { start: 100, end: 190, label: 'two' }])
    expect(countMoves(list, points)).toBe(3)
    expect(countMoves(snapAll(list, points), points)).toBe(0)
  })

  it('leaves an edge that has nowhere to go, and divisions', () => {
    const divided = [{ start: 12, end: 30 }, { start: 30, end: 47 }]
    expect(snapAll(divided, [point('start', 12, null, 20), point('end', 47, 45, 50), point('start', 30, 0, 40)])).toEqual([
      { start: 12, end: 30 }, { start: 30, end: 50 },
    ])
  })

  it('joins what meets', () => {
    expect(snapAll([{ start: 12, end: 47 }, { start: 60, end: 90 }], [point('end', 47, 45, 70), point('start', 60, 55, 70)])).toEqual([
      { start: 12, end: 90 },
    ])
  })
})
