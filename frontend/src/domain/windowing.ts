/** Which part of a long list is on the screen, and where the arrow keys lead in it. Pure; pixels are CSS pixels. */

export interface Layout {
  columns: number
  rowHeight_px: number
  total: number
}

export interface Window {
  /** Items `first <= i < end` are drawn. */
  first: number
  end: number
  /** Where the first drawn row begins, from the top of the list. */
  top_px: number
  height_px: number
}

/** How many columns of at least `least_px` fit into `width_px`, `gap_px` apart; at least one. */
export function columnsFor(width_px: number, least_px: number, gap_px: number): number {
  return Math.max(1, Math.floor((width_px + gap_px) / (least_px + gap_px)))
}

/** What to draw while the screen shows `[from_px, to_px)` of the list, with `spare` rows more on either side. */
export function windowOf(layout: Layout, from_px: number, to_px: number, spare = 2): Window {
  const { columns, rowHeight_px, total } = layout
  const rows = Math.ceil(total / columns)
  const height_px = rows * rowHeight_px
  if (rowHeight_px <= 0 || total === 0) return { first: 0, end: 0, top_px: 0, height_px: 0 }
  const clamp = (row: number): number => Math.min(Math.max(row, 0), rows)
  const firstRow = clamp(Math.floor(from_px / rowHeight_px) - spare)
  const endRow = clamp(Math.ceil(to_px / rowHeight_px) + spare)
  return {
    first: firstRow * columns,
    end: Math.min(endRow * columns, total),
    top_px: firstRow * rowHeight_px,
    height_px,
  }
}

/** Where a key leads from item `at`; null where it is none that moves. `page` rows are on the screen. */
export function moved(key: string, at: number, layout: Pick<Layout, 'columns' | 'total'>, page: number): number | null {
  const { columns, total } = layout
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -columns * Math.max(1, page),
    PageDown: columns * Math.max(1, page),
  }
  if (total === 0) return null
  if (key === 'Home') return 0
  if (key === 'End') return total - 1
  const step = steps[key]
  if (step === undefined) return null
  const to = at + step
  if (key === 'ArrowUp' && to < 0) return at
  // Down from the last but one row where nothing is below leads to the last item, not nowhere.
  if (key === 'ArrowDown' && to >= total) {
    return Math.floor(at / columns) < Math.floor((total - 1) / columns) ? total - 1 : at
  }
  return Math.min(Math.max(to, 0), total - 1)
}

/** The pages of `size` items that hold `[first, end)`. */
export function pagesOf(first: number, end: number, size: number): number[] {
  if (end <= first) return []
  const from = Math.floor(first / size)
  return Array.from({ length: Math.floor((end - 1) / size) - from + 1 }, (_, i) => from + i)
}
