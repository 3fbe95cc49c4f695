import { describe, expect, it } from 'vitest'

import { accepted, breakAt, openBreaks } from './proposals'

const one = { start_frame: 0, end_frame: 100, dismissed: false }
const two = { start_frame: 500, end_frame: 600, dismissed: false }
const both = [one, two]

describe('proposed breaks', () => {
  it('are open until they are removed, for the most part, or dismissed', () => {
    expect(openBreaks(both, [])).toEqual(both)
    expect(openBreaks(both, [{ start: 100, end: 1000 }])).toEqual([two])
    // An edge that was corrected leaves it decided; what is kept again is open again.
    expect(openBreaks(both, [{ start: 60, end: 500 }, { start: 590, end: 1000 }])).toEqual([])
    expect(openBreaks(both, [{ start: 40, end: 1000 }])).toEqual(both)
    expect(openBreaks([one, { ...two, dismissed: true }], [])).toEqual([one])
    // Spans that were divided count once.
    expect(openBreaks([two], [{ start: 450, end: 550 }, { start: 550, end: 551 }])).toEqual([two])
  })

  it('are taken off what is kept, or off the whole recording', () => {
    expect(accepted([], both, 1000)).toEqual([{ start: 100, end: 500 }, { start: 600, end: 1000 }])
    expect(accepted([{ start: 50, end: 550 }], [two], 1000)).toEqual([{ start: 50, end: 500 }])
    expect(accepted([], both, 0)).toEqual([])
  })

  it('are found around a frame', () => {
    expect(breakAt(both, 40)).toBe(one)
    expect(breakAt(both, 100)).toBe(two)
    expect(breakAt(both, 900)).toBe(one)
    expect(breakAt([], 0)).toBeNull()
  })
})
