import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { around, clampView, CLOSEST_FRAMES, frameAt, pan, placeAt, reveal, whole, xOf, zoom } from './view'

const totals = fc.integer({ min: 1, max: 2_000_000 })
const shares = fc.double({ min: 0, max: 1, noNaN: true })
const WIDTH = 1400

/** Any view of a recording. */
function views(total: number): fc.Arbitrary<{ start: number; span: number }> {
  return fc.tuple(shares, shares).map(([at, share]) => {
    const span = CLOSEST_FRAMES * (Math.max(total, CLOSEST_FRAMES) / CLOSEST_FRAMES) ** share
    return clampView({ start: at * total, span }, total)
  })
}

const cases = totals.chain((total) => fc.tuple(fc.constant(total), views(total), shares))

describe('the view of a time line', () => {
  it('stays inside the recording whatever is done', () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 0.01, max: 100, noNaN: true }), fc.integer(), ([total, view, at], factor, by) => {
        for (const next of [zoom(view, factor, placeAt(view, WIDTH, at * WIDTH), total), pan(view, by, total)]) {
          expect(next.start).toBeGreaterThanOrEqual(0)
          expect(next.start + next.span).toBeLessThanOrEqual(Math.max(total, CLOSEST_FRAMES) + 1e-6)
          expect(next.span).toBeGreaterThanOrEqual(CLOSEST_FRAMES - 1e-9)
        }
      }),
    )
  })

  it('keeps what is under the pointer where it is, unless the recording ends there', () => {
    const total = 90_000
    const view = { start: 30_000, span: 10_000 }
    for (const factor of [0.1, 0.5, 0.9, 1.1, 2]) {
      const anchor = placeAt(view, WIDTH, 500)
      expect(xOf(zoom(view, factor, anchor, total), WIDTH, anchor)).toBeCloseTo(500, 6)
    }
    expect(zoom(view, 1e-9, 35_000, total).span).toBe(CLOSEST_FRAMES)
    expect(zoom(view, 1e9, 35_000, total)).toEqual(whole(total))
  })

  it('finds each frame again under its own pixels', () => {
    fc.assert(
      fc.property(cases, ([total, view, at]) => {
        const frame = Math.min(total - 1, Math.floor(view.start + at * view.span))
        const middle = xOf(view, WIDTH, frame + 0.5)
        expect(frameAt(view, WIDTH, middle, total)).toBe(frame)
      }),
    )
  })

  it('moves only where it has to, to show a frame', () => {
    fc.assert(
      fc.property(cases, ([total, view, at]) => {
        const frame = Math.min(total - 1, Math.floor(at * total))
        const shown = reveal(view, frame, total)
        expect(frame).toBeGreaterThanOrEqual(Math.floor(shown.start) - 1e-6)
        expect(frame).toBeLessThanOrEqual(shown.start + shown.span)
        expect(reveal(shown, frame, total)).toEqual(shown)
      }),
    )
    const view = { start: 100, span: 100 }
    expect(reveal(view, 150, 1000)).toBe(view)
    expect(reveal(view, 210, 1000).start).toBe(160)
  })

  it('shows a stretch whole', () => {
    const view = around(500, 700, 10_000)
    expect(view.start).toBeLessThan(500)
    expect(view.start + view.span).toBeGreaterThan(700)
    expect(around(3, 4, 100).span).toBe(CLOSEST_FRAMES)
  })
})
