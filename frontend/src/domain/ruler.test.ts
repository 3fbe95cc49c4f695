import { describe, expect, it } from 'vitest'

import { Clock } from './clock'
import { ticksOf } from './ruler'

const TOTAL = 90_000
const clock = Clock.steady(TOTAL, 3600)
const labels = (start: number, span: number, width = 1400): string[] =>
  ticksOf({ start, span }, width, clock, TOTAL)
    .map(({ label }) => label)
    .filter(Boolean)

describe('the ruler', () => {
  it('has round times over an hour', () => {
    expect(labels(0, TOTAL).slice(0, 3)).toEqual(['00:00', '05:00', '10:00'])
    expect(labels(0, TOTAL, 360)).toContain('30:00')
  })

  it('has seconds, then tenths, then frames', () => {
    expect(labels(25_000, 500).slice(0, 3)).toEqual(['16:40', '16:42', '16:44'])
    expect(labels(25_000, 60)[0]).toBe('#25000')
    expect(labels(25_000, 8)).toEqual(['#25000', '#25001', '#25002', '#25003', '#25004', '#25005', '#25006', '#25007', '#25008'])
  })

  it('never has more than the eye can take', () => {
    for (let span = 8; span < TOTAL; span *= 1.7) {
      const ticks = ticksOf({ start: 12_345, span }, 1400, clock, TOTAL)
      expect(ticks.length).toBeLessThan(170)
      expect(ticks.filter(({ label }) => label).length).toBeLessThan(20)
    }
  })
})
