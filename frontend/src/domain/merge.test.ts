import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { carry, differ, difference, mergeLists } from './merge'
import { indexAt, union, type KeepList } from './spans'

const TOTAL = 120
const list: fc.Arbitrary<KeepList> = fc
  .array(fc.tuple(fc.nat(TOTAL - 1), fc.integer({ min: 1, max: 30 })), { maxLength: 5 })
  .map((pairs) => union(pairs.map(([start, length]) => ({ start, end: Math.min(TOTAL, start + length) }))))
const has = (of: KeepList, frame: number): boolean => indexAt(of, frame) >= 0

describe('merging two changed lists', () => {
  it('does for every frame what the one who changed it wants', () => {
    fc.assert(
      fc.property(list, list, list, (base, mine, theirs) => {
        const merged = mergeLists(base, mine, theirs)
        for (let frame = 0; frame < TOTAL; frame += 1) {
          const wanted = has(mine, frame) === has(base, frame) ? has(theirs, frame) : has(mine, frame)
          expect(has(merged, frame)).toBe(wanted)
        }
      }),
    )
  })

  it('is the other list where one changed nothing', () => {
    fc.assert(
      fc.property(list, list, (base, other) => {
        expect(differ(mergeLists(base, base, other), other)).toBe(false)
        expect(differ(mergeLists(base, other, base), other)).toBe(false)
      }),
    )
  })

  it('takes the frames of one list out of another', () => {
    expect(difference([{ start: 0, end: 10 }], [{ start: 3, end: 5 }])).toEqual([{ start: 0, end: 3 }, { start: 5, end: 10 }])
    expect(differ([{ start: 0, end: 5 }, { start: 5, end: 9 }], [{ start: 0, end: 9 }])).toBe(false)
  })

  it('carries names and divisions over to a list that has none', () => {
    const old = [{ start: 0, end: 40, label: 'a' }, { start: 40, end: 60, label: 'b' }, { start: 80, end: 90, label: 'c' }]
    expect(carry(old, [{ start: 5, end: 60 }, { start: 100, end: 110 }])).toEqual([
      { start: 5, end: 40, label: 'a' }, { start: 40, end: 60, label: 'b' }, { start: 100, end: 110 },
    ])
    fc.assert(
      fc.property(list, list, (before, next) => {
        expect(differ(carry(before, next), next)).toBe(false)
      }),
    )
  })

  it('keeps the names that I gave', () => {
    const base = [{ start: 0, end: 10 }]
    const mine = [{ start: 0, end: 10, label: 'one' }]
    expect(mergeLists(base, mine, [{ start: 0, end: 12 }])).toEqual([{ start: 0, end: 12, label: 'one' }])
  })
})
