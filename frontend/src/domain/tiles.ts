/** Which pictures a filmstrip needs: sheets of a level, as those of a map. At level L a picture stands for 2^L frames. */

import type { View } from './view'

export const SHEET_TILES = 16

export interface SheetKey {
  level: number
  sheet: number
}

export function keyOf({ level, sheet }: SheetKey): string {
  return `${level}/${sheet}`
}

export function sheetFrames(level: number): number {
  return SHEET_TILES * 2 ** level
}

/** The coarsest level that a recording has any use for: one sheet shows all of it. */
export function coarsest(total: number): number {
  return Math.max(0, Math.ceil(Math.log2(Math.max(1, total) / SHEET_TILES)))
}

/** The level whose pictures lie less than a picture's width apart, but more than half of one. */
export function levelFor(view: View, width: number, tile_px: number): number {
  const frames = (view.span / Math.max(1, width)) * tile_px
  return Math.max(0, Math.floor(Math.log2(Math.max(1, frames))))
}

function sheetsIn(level: number, start: number, end: number, total: number): SheetKey[] {
  const frames = sheetFrames(level)
  const first = Math.max(0, Math.floor(start / frames))
  const last = Math.min(Math.ceil(total / frames) - 1, Math.floor((end - 1e-9) / frames))
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => ({ level, sheet: first + at }))
}

/**
 * The sheets that are wanted, the most urgent first: what is seen, from the middle outwards; then what lies beside it;
 * then one level closer and wider around `cursor`, where a zoom leads to.
 */
export function wantedSheets(view: View, level: number, total: number, cursor: number): SheetKey[] {
  if (total <= 0) return []
  const end = Math.min(total, view.start + view.span)
  const middle = view.start + view.span / 2
  const distance = ({ sheet }: SheetKey): number => Math.abs((sheet + 0.5) * sheetFrames(level) - middle)
  const seen = sheetsIn(level, view.start, end, total).sort((a, b) => distance(a) - distance(b))
  const beside = sheetsIn(level, view.start - view.span * 0.5, end + view.span * 0.5, total)
  const wider = level < coarsest(total) ? sheetsIn(level + 1, view.start, end, total) : []
  const closer = level > 0 ? sheetsIn(level - 1, cursor, cursor + 1, total) : []
  const all = new Map([...seen, ...beside, ...closer, ...wider].map((key) => [keyOf(key), key]))
  return [...all.values()]
}

/** The slots (numbers of pictures at the level) that are seen. */
export function slotsIn(view: View, level: number, total: number): [first: number, last: number] {
  const frames = 2 ** level
  return [
    Math.max(0, Math.floor(view.start / frames)),
    Math.min(Math.ceil(total / frames) - 1, Math.floor((view.start + view.span) / frames)),
  ]
}
