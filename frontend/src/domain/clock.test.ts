import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { Clock } from './clock'

describe('the clock', () => {
  // 50 frames a second; 100 frames were lost behind frame 500.
  const clock = new Clock([[0, 0], [499, 9.98], [500, 12], [1000, 22]])

  it('tells times across a gap', () => {
    expect(clock.timeOf(0)).toBe(0)
    expect(clock.timeOf(499)).toBeCloseTo(9.98)
    expect(clock.timeOf(500)).toBeCloseTo(12)
    expect(clock.timeOf(750)).toBeCloseTo(17)
    expect(clock.timeOf(1000)).toBe(22)
  })

  it('finds the frame that is shown, in the gap too', () => {
    expect(clock.frameAt(11)).toBe(499)
    expect(clock.frameAt(11.9995)).toBe(500)
    expect(clock.frameAt(17.018)).toBe(750)
    expect(clock.nearest(17.018)).toBe(751)
  })

  it('finds every frame by its time, written in microseconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), (frame) => {
        expect(clock.frameAt(Math.floor(clock.timeOf(frame) * 1e6) / 1e6)).toBe(frame)
        expect(clock.nearest(clock.timeOf(frame))).toBe(frame)
      }),
    )
  })

  it('is steady until more is known', () => {
    const steady = Clock.steady(100, 4)
    expect(steady.timeOf(50)).toBeCloseTo(2)
    expect(Clock.steady(0, 0).timeOf(0)).toBe(0)
  })
})
