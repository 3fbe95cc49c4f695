import { describe, expect, it } from 'vitest'

import {
  addSpan,
  clip,
  countFrames,
  edgeAfter,
  edgeBefore,
  indexAt,
  invert,
  removeAt,
  replaceAt,
  sameList,
  union,
  type Span,
} from './spans'

const span = (start: number, end: number): Span => ({ start, end })

/** A small generator with a fixed seed, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32
    return state / 2 ** 32
  }
}

describe('union', () => {
  it('joins what overlaps or touches and never shortens', () => {
    expect(union([span(10, 20), span(0, 5), span(15, 17), span(20, 25)])).toEqual([span(0, 5), span(10, 25)])
  })

  it('drops empty and reversed spans', () => {
    expect(union([span(5, 5), span(9, 3), span(-4, 2)])).toEqual([])
  })

  it('keeps exactly the frames of its parts, whatever they are', () => {
    const next = random(7)
    for (let round = 0; round < 200; round += 1) {
      const parts = Array.from({ length: 1 + Math.floor(next() * 8) }, () => {
        const start = Math.floor(next() * 60)
        return span(start, start + 1 + Math.floor(next() * 20))
      })
      const list = union(parts)
      for (let frame = 0; frame < 90; frame += 1) {
        const wanted = parts.some((part) => part.start <= frame && frame < part.end)
        expect(indexAt(list, frame) >= 0).toBe(wanted)
      }
      expect(list.every((item, at) => at === 0 || item.start > (list[at - 1]?.end ?? 0))).toBe(true)
      expect(countFrames(list) + countFrames(invert(list, 90))).toBe(90)
      expect(sameList(invert(invert(list, 90), 90), list)).toBe(true)
    }
  })
})

describe('changes of a list', () => {
  const list = [span(10, 20), span(30, 40)]

  it('adds and joins', () => {
    expect(addSpan(list, span(18, 30))).toEqual([span(10, 40)])
  })

  it('removes one', () => {
    expect(removeAt(list, 0)).toEqual([span(30, 40)])
  })

  it('replaces one and joins it with a neighbour', () => {
    expect(replaceAt(list, 1, span(15, 40))).toEqual([span(10, 40)])
  })

  it('clips to the recording', () => {
    expect(clip([...list, span(50, 60)], 35)).toEqual([span(10, 20), span(30, 35)])
  })
})

describe('edges', () => {
  const list = [span(10, 20), span(30, 100)]

  it('goes back and forth', () => {
    expect(edgeAfter(list, 0, 100)).toBe(10)
    expect(edgeAfter(list, 10, 100)).toBe(20)
    expect(edgeAfter(list, 30, 100)).toBe(99)
    expect(edgeBefore(list, 99, 100)).toBe(30)
    expect(edgeBefore(list, 10, 100)).toBe(0)
  })
})
