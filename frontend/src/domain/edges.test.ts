import { describe, expect, it } from 'vitest'

import { edgeNear, nudged, pictureOf, sidesOf } from './edges'

const list = [{ start: 10, end: 40 }, { start: 60, end: 100 }]

describe('edges', () => {
  it('are found from both their sides', () => {
    expect(edgeNear(list, 39)).toEqual({ index: 0, edge: 'end', frame: 40 })
    expect(edgeNear(list, 41)).toEqual({ index: 0, edge: 'end', frame: 40 })
    expect(edgeNear(list, 0)).toEqual({ index: 0, edge: 'start', frame: 10 })
    expect(edgeNear(list, 59)).toEqual({ index: 1, edge: 'start', frame: 60 })
    expect(edgeNear([], 5)).toBeNull()
  })

  it('have a kept and a removed side, or nothing beyond the recording', () => {
    expect(sidesOf(list, { index: 0, edge: 'end', frame: 40 }, 100)).toEqual([
      { side: 'before', frame: 39, kept: true },
      { side: 'behind', frame: 40, kept: false },
    ])
    expect(sidesOf(list, { index: 1, edge: 'end', frame: 100 }, 100)[1]).toEqual({ side: 'behind', frame: null, kept: false })
    expect(pictureOf({ index: 0, edge: 'end', frame: 40 })).toBe(39)
    expect(pictureOf({ index: 0, edge: 'start', frame: 10 })).toBe(10)
  })

  it('move as far as they can', () => {
    expect(nudged(list, { index: 0, edge: 'end', frame: 40 }, 5, 100)).toBe(45)
    expect(nudged(list, { index: 0, edge: 'end', frame: 40 }, 500, 100)).toBe(60)
    expect(nudged(list, { index: 0, edge: 'end', frame: 40 }, -500, 100)).toBe(11)
  })
})
