import { describe, expect, it } from 'vitest'

import { columnsFor, moved, pagesOf, windowOf } from './windowing'

describe('windowOf', () => {
  const layout = { columns: 4, rowHeight_px: 100, total: 10_001 }

  it('draws what is on the screen and a little more', () => {
    expect(windowOf(layout, 1000, 1500, 2)).toEqual({ first: 32, end: 68, top_px: 800, height_px: 250_100 })
  })

  it('stays within the list at both ends', () => {
    expect(windowOf(layout, -500, 300, 2)).toMatchObject({ first: 0, end: 20, top_px: 0 })
    expect(windowOf(layout, 250_000, 251_000, 2)).toMatchObject({ first: 9992, end: 10_001 })
    expect(windowOf({ ...layout, total: 0 }, 0, 500)).toEqual({ first: 0, end: 0, top_px: 0, height_px: 0 })
  })

  it('holds every place of the screen, wherever that is', () => {
    for (let from = 0; from < 250_100; from += 937) {
      const { first, end, top_px } = windowOf(layout, from, from + 800, 1)
      expect(top_px).toBeLessThanOrEqual(from)
      const bottom_px = top_px + Math.ceil((end - first) / layout.columns) * layout.rowHeight_px
      expect(bottom_px).toBeGreaterThanOrEqual(Math.min(from + 800, 250_100))
      expect(end - first).toBeLessThanOrEqual(4 * 12)
    }
  })
})

describe('moved', () => {
  const grid = { columns: 4, total: 10 }

  it('moves by item, row and page', () => {
    expect(moved('ArrowRight', 3, grid, 2)).toBe(4)
    expect(moved('ArrowLeft', 0, grid, 2)).toBe(0)
    expect(moved('ArrowDown', 1, grid, 2)).toBe(5)
    expect(moved('ArrowUp', 5, grid, 2)).toBe(1)
    expect(moved('ArrowUp', 2, grid, 2)).toBe(2)
    expect(moved('PageDown', 1, grid, 2)).toBe(9)
    expect(moved('Home', 7, grid, 2)).toBe(0)
    expect(moved('End', 0, grid, 2)).toBe(9)
  })

  it('leads to the last item from above a gap, and nowhere from the last row', () => {
    expect(moved('ArrowDown', 7, grid, 2)).toBe(9)
    expect(moved('ArrowDown', 8, grid, 2)).toBe(8)
  })

  it('leaves other keys and empty lists alone', () => {
    expect(moved('a', 3, grid, 2)).toBeNull()
    expect(moved('Home', 0, { columns: 4, total: 0 }, 2)).toBeNull()
  })
})

describe('pages and columns', () => {
  it('names the pages of a range', () => {
    expect(pagesOf(95, 105, 100)).toEqual([0, 1])
    expect(pagesOf(200, 300, 100)).toEqual([2])
    expect(pagesOf(5, 5, 100)).toEqual([])
  })

  it('fits columns', () => {
    expect(columnsFor(1000, 160, 20)).toBe(5)
    expect(columnsFor(100, 160, 20)).toBe(1)
  })
})
