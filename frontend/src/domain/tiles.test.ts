import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { coarsest, keyOf, levelFor, SHEET_TILES, sheetFrames, slotsIn, wantedSheets } from './tiles'
import { clampView } from './view'

const TILE_PX = 114
const WIDTH = 1400

describe('the sheets of a filmstrip', () => {
  it('have pictures that neither overlap by half nor leave gaps, until frames are single', () => {
    fc.assert(
      fc.property(fc.double({ min: 8, max: 500_000, noNaN: true }), (span) => {
        const level = levelFor({ start: 0, span }, WIDTH, TILE_PX)
        const slot_px = (2 ** level / span) * WIDTH
        if (level > 0) expect(slot_px).toBeLessThanOrEqual(TILE_PX + 1e-6)
        expect(slot_px).toBeGreaterThan(TILE_PX / 2 - 1e-6)
      }),
    )
  })

  it('cover what is seen before anything else, and stay inside the recording', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500_000 }), fc.nat(1000), fc.nat(1000), (total, at, wide) => {
        const view = clampView({ start: (at / 1000) * total, span: (wide / 1000) * total }, total)
        const level = levelFor(view, WIDTH, TILE_PX)
        const wanted = wantedSheets(view, level, total, view.start)
        const keys = new Set(wanted.map(keyOf))
        expect(keys.size).toBe(wanted.length)
        const [first, last] = slotsIn(view, level, total)
        for (let slot = first; slot <= last; slot += 1) {
          expect(keys.has(keyOf({ level, sheet: Math.floor(slot / SHEET_TILES) }))).toBe(true)
        }
        for (const { level: of, sheet } of wanted) {
          expect(sheet).toBeGreaterThanOrEqual(0)
          expect(sheet * sheetFrames(of)).toBeLessThan(total)
        }
        expect(wanted.length).toBeLessThan(24)
      }),
    )
  })

  it('end with one that shows everything', () => {
    expect(sheetFrames(coarsest(90_000))).toBeGreaterThanOrEqual(90_000)
    expect(coarsest(3)).toBe(0)
  })
})
