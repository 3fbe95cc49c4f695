import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import {
  addSpan, clip, countFrames, edgeRange, indexAt, invert, isSpan, mergeAt, moveEdge, moveSpan, removeAt, replaceAt,
  sameList, splitAt, subtract, union, type KeepList, type Span,
} from './spans'

const TOTAL = 400

const span: fc.Arbitrary<Span> = fc
  .tuple(fc.nat(TOTAL - 1), fc.integer({ min: 1, max: 60 }))
  .map(([start, length]) => ({ start, end: Math.min(TOTAL, start + length) }))

/** A list as the editor makes one: some spans, some of them divided. */
const list: fc.Arbitrary<KeepList> = fc
  .tuple(fc.array(span, { maxLength: 8 }), fc.array(fc.nat(TOTAL), { maxLength: 4 }))
  .map(([spans, cuts]) => cuts.reduce((made, frame) => splitAt(made, frame), union(spans)))

const frame = fc.nat(TOTAL)

function frames(of: KeepList): Set<number> {
  return new Set(of.flatMap((one) => Array.from({ length: one.end - one.start }, (_, at) => one.start + at)))
}

function expectValid(of: KeepList): void {
  of.forEach((one, at) => {
    expect(isSpan(one)).toBe(true)
    if (at > 0) expect(of[at - 1]?.end).toBeLessThanOrEqual(one.start)
  })
}

describe('the algebra of spans', () => {
  it('adds exactly the frames of a span', () => {
    fc.assert(
      fc.property(list, span, (before, more) => {
        const after = addSpan(before, more)
        expectValid(after)
        expect(frames(after)).toEqual(new Set([...frames(before), ...frames([more])]))
        expect(indexAt(after, more.start)).toBe(indexAt(after, more.end - 1))
      }),
    )
  })

  it('removes exactly the frames of a span', () => {
    fc.assert(
      fc.property(list, span, (before, gone) => {
        const after = subtract(before, gone)
        expectValid(after)
        expect(frames(after)).toEqual(new Set([...frames(before)].filter((n) => n < gone.start || n >= gone.end)))
      }),
    )
  })

  it('adding and then removing, or the other way round, is undone frame by frame', () => {
    fc.assert(
      fc.property(list, span, (before, one) => {
        expect(frames(subtract(addSpan(before, one), one))).toEqual(frames(subtract(before, one)))
        expect(frames(addSpan(subtract(before, one), one))).toEqual(frames(addSpan(before, one)))
      }),
    )
  })

  it('divides without touching a frame, and merging again is the same list', () => {
    fc.assert(
      fc.property(list, frame, (before, at) => {
        const after = splitAt(before, at)
        expectValid(after)
        expect(frames(after)).toEqual(frames(before))
        expect(union(after)).toEqual(union(before))
        if (after.length > before.length) {
          const index = after.findIndex((one) => one.end === at)
          expect(sameList(mergeAt(after, index), before)).toBe(true)
        }
      }),
    )
  })

  it('merges over a gap, and keeps all that was there', () => {
    fc.assert(
      fc.property(list, fc.nat(10), (before, index) => {
        const after = mergeAt(before, index)
        expectValid(after)
        expect(after.length).toBe(index < before.length - 1 ? before.length - 1 : before.length)
        for (const n of frames(before)) expect(indexAt(after, n)).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  it('turns inside out, and back', () => {
    fc.assert(
      fc.property(list, (before) => {
        const removed = invert(before, TOTAL)
        expectValid(removed)
        expect(countFrames(removed) + countFrames(before)).toBe(TOTAL)
        expect(invert(removed, TOTAL)).toEqual(union(before))
      }),
    )
  })

  it('moves an edge as far as it can go, and nothing else', () => {
    const edges = fc.constantFrom('start' as const, 'end' as const)
    fc.assert(
      fc.property(list, fc.nat(10), edges, fc.integer({ min: -50, max: TOTAL + 50 }), (before, index, edge, to) => {
        const after = moveEdge(before, index, edge, to, TOTAL)
        expectValid(after)
        expect(after.length).toBe(before.length)
        after.forEach((one, at) => {
          if (at !== index) expect(one).toEqual(before[at])
        })
        const [least, most] = edgeRange(before, index, edge, TOTAL)
        const moved = after[index]?.[edge]
        if (moved !== undefined) expect(moved).toBe(Math.max(least, Math.min(to, most)))
      }),
    )
  })

  it('moves a whole span without changing its length, and over no other', () => {
    fc.assert(
      fc.property(list, fc.nat(10), fc.integer({ min: -500, max: 500 }), (before, index, by) => {
        const after = moveSpan(before, index, by, TOTAL)
        expectValid(after)
        expect(countFrames(after)).toBe(countFrames(before))
        expect(clip(after, TOTAL)).toEqual(after)
      }),
    )
  })

  it('replaces and deletes single spans', () => {
    fc.assert(
      fc.property(list, fc.nat(10), span, (before, index, other) => {
        expect(removeAt(before, index).length).toBe(index < before.length ? before.length - 1 : before.length)
        if (index >= before.length) return
        const after = replaceAt(before, index, other)
        expectValid(after)
        const rest = removeAt(before, index)
        expect(frames(after)).toEqual(new Set([...frames(rest), ...frames([other])]))
      }),
    )
  })
})
