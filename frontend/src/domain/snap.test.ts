import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { nearestOf, snap } from './snap'

const sorted = fc.uniqueArray(fc.nat(5000), { maxLength: 60 }).map((list) => list.sort((a, b) => a - b))

describe('snapping', () => {
  it('finds the nearest of all', () => {
    fc.assert(
      fc.property(sorted, fc.double({ min: -10, max: 5010, noNaN: true }), (list, value) => {
        const found = nearestOf(list, value)
        const best = Math.min(...list.map((one) => Math.abs(one - value)))
        if (list.length === 0) expect(found).toBeNull()
        else expect(Math.abs((found ?? NaN) - value)).toBeCloseTo(best)
      }),
    )
  })

  it('leaves the frame under the pointer where nothing is near', () => {
    expect(snap(41.7, 3, [{ kind: 'keyframes', frames: [50] }])).toEqual({ frame: 41, kind: null })
    expect(snap(41.7, 0, [])).toEqual({ frame: 41, kind: null })
  })

  it('prefers what comes first, within reach', () => {
    const sources = [
      { kind: 'edges', frames: [100] },
      { kind: 'keyframes', frames: [96] },
    ] as const
    expect(snap(97, 5, sources)).toEqual({ frame: 100, kind: 'edges' })
    expect(snap(94, 5, sources)).toEqual({ frame: 96, kind: 'keyframes' })
  })
})
