/** The rows of the time line, from top to bottom, in CSS pixels. */

export interface Row {
  top: number
  height: number
}

export type RowName = 'map' | 'ruler' | 'marks' | 'bar' | 'strip' | 'wave'

export interface Layout {
  width: number
  height: number
  /** Device pixels for each CSS pixel. */
  ratio: number
  rows: Record<RowName, Row>
  /** Width of a picture of the strip. */
  tile_px: number
}

export interface LayoutWish {
  width: number
  ratio: number
  /** Fingers need larger targets. */
  coarse: boolean
  /** Whether there are chapters or markers. */
  marked: boolean
  /** Width by height of a picture. */
  aspect: number
  /** Whether there is little height. */
  low: boolean
}

export function layoutOf({ width, ratio, coarse, marked, aspect, low }: LayoutWish): Layout {
  const heights: [RowName, number][] = [
    ['map', coarse ? 18 : 14],
    ['ruler', 22],
    ['marks', marked ? 18 : 0],
    ['bar', coarse ? 34 : 22],
    ['strip', low ? 44 : 64],
    ['wave', low ? 28 : 44],
  ]
  const rows = {} as Record<RowName, Row>
  let top = 0
  for (const [name, height] of heights) {
    rows[name] = { top, height }
    top += height
  }
  return { width, height: top, ratio, rows, tile_px: Math.round(rows.strip.height * aspect) }
}

/** The row at a height; the last one below all. */
export function rowAt(layout: Layout, y: number): RowName {
  const names: RowName[] = ['map', 'ruler', 'marks', 'bar', 'strip', 'wave']
  return names.find((name) => y < layout.rows[name].top + layout.rows[name].height) ?? 'wave'
}
