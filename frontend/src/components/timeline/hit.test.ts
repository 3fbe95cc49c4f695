import { describe, expect, it } from 'vitest'

import { hitAt } from './hit'
import { layoutOf, rowAt } from './layout'

const layout = layoutOf({ width: 1000, ratio: 1, coarse: false, marked: true, aspect: 16 / 9, low: false })
const view = { start: 0, span: 1000 }
const list = [{ start: 100, end: 300 }, { start: 300, end: 500 }, { start: 700, end: 704 }]
const middle = (name: 'map' | 'ruler' | 'bar' | 'strip'): number => layout.rows[name].top + layout.rows[name].height / 2
const at = (x: number, row: 'map' | 'ruler' | 'bar' | 'strip', touch = false) => hitAt({ x, y: middle(row), touch }, layout, view, list)

describe('what lies under a pointer', () => {
  it('goes by rows', () => {
    expect(rowAt(layout, 0)).toBe('map')
    expect(rowAt(layout, 9999)).toBe('wave')
    expect(at(50, 'map')).toEqual({ kind: 'map' })
    expect(at(50, 'ruler')).toEqual({ kind: 'ruler' })
    expect(at(200, 'strip')).toEqual({ kind: 'body' })
    expect(at(200, 'bar')).toEqual({ kind: 'span', index: 0 })
    expect(at(600, 'bar')).toEqual({ kind: 'body' })
  })

  it('finds edges, on pictures too', () => {
    expect(at(103, 'strip')).toEqual({ kind: 'edge', index: 0, edge: 'start' })
    expect(at(496, 'bar')).toEqual({ kind: 'edge', index: 1, edge: 'end' })
    expect(at(110, 'strip')).toEqual({ kind: 'body' })
  })

  it('tells two edges at one place by the side', () => {
    expect(at(297, 'bar')).toEqual({ kind: 'edge', index: 0, edge: 'end' })
    expect(at(303, 'bar')).toEqual({ kind: 'edge', index: 1, edge: 'start' })
  })

  it('lets narrow spans be taken', () => {
    expect(at(702, 'bar')).toEqual({ kind: 'span', index: 2 })
    expect(at(697, 'bar')).toEqual({ kind: 'edge', index: 2, edge: 'start' })
  })

  it('leaves pictures to the finger that moves them', () => {
    expect(at(103, 'strip', true)).toEqual({ kind: 'body' })
    expect(at(118, 'bar', true)).toEqual({ kind: 'edge', index: 0, edge: 'start' })
  })
})
