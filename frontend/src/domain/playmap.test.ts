import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { Clock } from './clock'
import { aroundSeam, PlayMap, seamNear, writtenSpans } from './playmap'

const clock = new Clock([[0, 0], [499, 9.98], [500, 12], [1000, 22]])
const kept = [{ start: 10, end: 40 }, { start: 400, end: 600 }]

describe('what is played', () => {
  it('tells the frame of every moment, and the moment of every kept frame', () => {
    const map = new PlayMap(kept, clock)
    expect(map.duration_s).toBeCloseTo(0.6 + 6)
    fc.assert(
      fc.property(fc.nat(999), (frame) => {
        const moment = map.momentOf(frame)
        const inside = kept.some(({ start, end }) => start <= frame && frame < end)
        expect(moment !== null).toBe(inside)
        // A browser tells moments rounded to its own clock.
        if (moment !== null) expect(map.frameAt(Math.round(moment * 1e6) / 1e6 - 1e-6)).toBe(frame)
      }),
    )
  })

  it('stays inside what is kept', () => {
    const map = new PlayMap(kept, clock)
    expect(map.frameAt(99)).toBe(599)
    expect(map.frameAt(-1)).toBe(10)
  })

  it('is written as the server reads it', () => {
    expect(writtenSpans(kept)).toBe('#10-#40,#400-#600')
    expect(aroundSeam(40, 400, 100, 1000)).toEqual([{ start: 0, end: 40 }, { start: 400, end: 500 }])
  })

  it('finds the nearest seam, which no division is', () => {
    const list = [{ start: 0, end: 50 }, { start: 50, end: 100 }, { start: 200, end: 300 }, { start: 700, end: 800 }]
    expect(seamNear(list, 45, 1000)).toEqual({ end: 100, start: 200 })
    expect(seamNear(list, 650, 1000)).toEqual({ end: 300, start: 700 })
    expect(seamNear([], 5, 1000)).toBeNull()
  })
})
