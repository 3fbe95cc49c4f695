import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { clampView } from './view'
import { covers, heightOf, peakBetween, waveWish, type WaveStretch } from './wave'

const TOTAL = 90_000

describe('the waveform', () => {
  it('is asked for where it is seen, and a little beyond', () => {
    fc.assert(
      fc.property(fc.nat(TOTAL), fc.integer({ min: 8, max: TOTAL }), (start, span) => {
        const view = clampView({ start, span }, TOTAL)
        const wish = waveWish(view, 1400, TOTAL)
        expect(wish.from).toBeLessThanOrEqual(view.start)
        expect(wish.to).toBeGreaterThanOrEqual(Math.min(TOTAL, Math.floor(view.start + view.span)))
        expect(wish.points).toBeLessThanOrEqual(8000)
        const stretch = { ...wish, track: null, peaks: [], complete: true }
        expect(covers(stretch, wish, null)).toBe(true)
        expect(covers({ ...stretch, complete: false }, wish, null)).toBe(false)
        expect(covers(stretch, wish, 258)).toBe(false)
      }),
    )
  })

  it('takes the finest that is there', () => {
    const coarse: WaveStretch = { from: 0, to: 1000, points: 10, track: null, peaks: [0, 0.5, 0, 0, 0, 0, 0, 0, 0, 0.2], complete: true }
    const fine: WaveStretch = { from: 100, to: 200, points: 100, track: null, peaks: Array.from({ length: 100 }, (_, at) => at / 100), complete: true }
    expect(peakBetween([coarse], 120, 121)).toBe(0.5)
    expect(peakBetween([coarse, fine], 120, 121)).toBeCloseTo(0.2)
    expect(peakBetween([coarse, fine], 950, 1000)).toBe(0.2)
    expect(peakBetween([], 0, 1)).toBe(0)
  })

  it('shows quiet sound too', () => {
    expect(heightOf(1)).toBe(1)
    expect(heightOf(0.1)).toBeCloseTo(1 - 20 / 54)
    expect(heightOf(0.0001)).toBe(0)
  })
})
