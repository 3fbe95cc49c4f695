/** Draws what is kept and what is removed, and the small map of the whole recording. */

import { union } from '@/domain/spans'
import { xOf } from '@/domain/view'

import type { Scene } from './scene'

type Context = CanvasRenderingContext2D

const FONT = "600 12px 'IBM Plex Sans Variable', system-ui, sans-serif"
const LEAST_LABEL_PX = 26

let hatch: { colour: string; ratio: number; pattern: CanvasPattern | null } | null = null

/** Oblique lines, made once for a colour and a screen. */
function hatching(ctx: Context, colour: string, ratio: number): CanvasPattern | string {
  if (hatch?.colour !== colour || hatch.ratio !== ratio) {
    const size = Math.max(4, Math.round(8 * ratio))
    const tile = new OffscreenCanvas(size, size)
    const pen = tile.getContext('2d')
    if (pen) {
      pen.strokeStyle = colour
      pen.lineWidth = 1.6 * ratio
      for (const shift of [-size, 0, size]) {
        pen.moveTo(shift, size)
        pen.lineTo(shift + size, 0)
      }
      pen.stroke()
    }
    const pattern = ctx.createPattern(tile, 'repeat')
    pattern?.setTransform(new DOMMatrix([1 / ratio, 0, 0, 1 / ratio, 0, 0]))
    hatch = { colour, ratio, pattern }
  }
  return hatch.pattern ?? colour
}

/** Pictures and sound of what is removed, veiled; nothing is while nothing is kept. */
export function paintRemoved(ctx: Context, { layout, palette, view, list, total }: Scene): void {
  if (list.length === 0) return
  const { top } = layout.rows.strip
  const height = layout.height - top
  const gaps: [number, number][] = []
  let at = 0
  for (const span of union(list)) {
    if (span.start > at) gaps.push([at, span.start])
    at = span.end
  }
  if (at < total) gaps.push([at, total])
  for (const [start, end] of gaps) {
    const left = Math.max(0, xOf(view, layout.width, start))
    const right = Math.min(layout.width, xOf(view, layout.width, end))
    if (right <= left) continue
    ctx.fillStyle = palette.veil
    ctx.fillRect(left, top, right - left, height)
    ctx.fillStyle = hatching(ctx, palette.hatch, layout.ratio)
    ctx.fillRect(left, top, right - left, height)
  }
}

/** A bar for each kept span with its number and name, its edges drawn through the pictures; marks that wait for another. */
export function paintBars(ctx: Context, scene: Scene): void {
  const { layout, palette, view, list, current } = scene
  const { top, height } = layout.rows.bar
  list.forEach((span, index) => {
    const left = xOf(view, layout.width, span.start)
    const right = xOf(view, layout.width, span.end)
    if (right < -8 || left > layout.width + 8) return
    const from = Math.max(left, -10)
    const to = Math.min(right, layout.width + 10)
    ctx.fillStyle = palette.kept
    ctx.globalAlpha = index === current || current < 0 ? 1 : 0.78
    ctx.beginPath()
    ctx.roundRect(from, top + 3, Math.max(3, to - from), height - 6, 5)
    ctx.fill()
    ctx.globalAlpha = 1
    for (const [x, inward] of [[left, 1], [right, -1]] as const) {
      if (x < -8 || x > layout.width + 8) continue
      ctx.fillStyle = palette.kept
      ctx.fillRect(Math.round(x) - (inward > 0 ? 0 : 2), top + 3, 2, layout.height - top - 3)
      if (to - from < 22) continue
      ctx.fillStyle = palette.on_kept
      ctx.fillRect(x + inward * 4 - 0.5, top + 8, 1.5, height - 16)
      ctx.fillRect(x + inward * 7 - 0.5, top + 8, 1.5, height - 16)
    }
    if (to - from < LEAST_LABEL_PX + 16) return
    ctx.save()
    ctx.beginPath()
    ctx.rect(Math.max(0, from) + 12, top, Math.max(0, Math.min(to, layout.width) - Math.max(0, from) - 24), height)
    ctx.clip()
    ctx.font = FONT
    ctx.textBaseline = 'middle'
    ctx.textAlign = 'left'
    ctx.fillStyle = palette.on_kept
    const name = span.label ? `${index + 1}  ${span.label}` : String(index + 1)
    ctx.fillText(name, Math.max(from, 0) + 14, top + height / 2 + 0.5)
    ctx.restore()
  })
  paintBracket(ctx, scene, scene.mark_in, 1)
  paintBracket(ctx, scene, scene.mark_out, -1)
}

/** Breaks that are proposed: dashed, with a wash of colour over their pictures; what is removed is veiled and hatched instead. */
export function paintProposed(ctx: Context, { layout, palette, view, proposed, proposedLabel }: Scene): void {
  const { top, height } = layout.rows.bar
  for (const { start, end } of proposed) {
    const left = Math.max(-10, xOf(view, layout.width, start))
    const right = Math.min(layout.width + 10, xOf(view, layout.width, end))
    if (right < -8 || left > layout.width + 8) continue
    const wide = Math.max(3, right - left)
    ctx.fillStyle = palette.mark
    ctx.globalAlpha = 0.24
    ctx.fillRect(left, layout.rows.strip.top, wide, layout.height - layout.rows.strip.top)
    ctx.globalAlpha = 1
    ctx.fillStyle = palette.surface
    ctx.strokeStyle = palette.mark
    ctx.lineWidth = 1.5
    ctx.setLineDash([5, 3])
    ctx.beginPath()
    ctx.roundRect(left + 1, top + 3.75, Math.max(2, wide - 2), height - 7.5, 5)
    ctx.fill()
    ctx.stroke()
    ctx.beginPath()
    for (const x of [left + 0.75, left + wide - 0.75]) {
      ctx.moveTo(x, layout.rows.strip.top)
      ctx.lineTo(x, layout.height)
    }
    ctx.stroke()
    ctx.setLineDash([])
    const from = Math.max(left, 0)
    if (Math.min(right, layout.width) - from < LEAST_LABEL_PX) continue
    ctx.save()
    ctx.beginPath()
    ctx.rect(from + 4, top, Math.min(right, layout.width) - from - 8, height)
    ctx.clip()
    ctx.font = FONT
    ctx.textBaseline = 'middle'
    ctx.textAlign = 'left'
    ctx.fillStyle = palette.ink
    // A word that is cut off says less than none.
    const name = `? ${proposedLabel}`
    const fits = ctx.measureText(name).width <= Math.min(right, layout.width) - from - 14
    ctx.fillText(fits ? name : '?', from + 8, top + height / 2 + 0.5)
    ctx.restore()
  }
}

function paintBracket(ctx: Context, { layout, palette, view }: Scene, frame: number | null, direction: 1 | -1): void {
  if (frame === null) return
  const x = Math.round(xOf(view, layout.width, frame))
  const top = layout.rows.bar.top + 2
  ctx.fillStyle = palette.mark
  ctx.fillRect(x - (direction > 0 ? 0 : 3), top, 3, layout.height - top)
  ctx.fillRect(x + (direction > 0 ? 0 : -10), top, 10, 3)
  ctx.fillRect(x + (direction > 0 ? 0 : -10), layout.height - 3, 10, 3)
}

/** The whole recording, and which stretch of it is shown below. */
export function paintMap(ctx: Context, { layout, palette, view, list, total, stretches, proposed }: Scene): void {
  const { top, height } = layout.rows.map
  const x = (frame: number): number => (frame / Math.max(1, total)) * layout.width
  ctx.fillStyle = palette.line
  ctx.beginPath()
  ctx.roundRect(0, top + 3, layout.width, height - 6, 3)
  ctx.fill()
  ctx.fillStyle = palette.kept
  for (const { start, end } of list) ctx.fillRect(x(start), top + 3, Math.max(1.5, x(end) - x(start)), height - 6)
  ctx.fillStyle = palette.mark
  for (const { start, end, kind } of stretches) {
    if (kind === 'commercial') ctx.fillRect(x(start), top + height - 5, Math.max(1, x(end) - x(start)), 2)
  }
  ctx.strokeStyle = palette.mark
  ctx.lineWidth = 1.5
  for (const { start, end } of proposed) ctx.strokeRect(x(start) + 0.75, top + 3.75, Math.max(1.5, x(end) - x(start) - 1.5), height - 7.5)
  if (view.span >= total) return
  ctx.strokeStyle = palette.ink
  ctx.lineWidth = 2
  ctx.beginPath()
  ctx.roundRect(x(view.start) + 1, top + 1, Math.max(6, x(view.start + view.span) - x(view.start)) - 2, height - 2, 4)
  ctx.stroke()
}
