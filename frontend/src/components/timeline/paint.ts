/** Draws the time line. Every function takes CSS pixels; the canvas is scaled to the screen's. */

import { lowerBound } from '@/domain/snap'
import { ticksOf } from '@/domain/ruler'
import { slotsIn } from '@/domain/tiles'
import { xOf } from '@/domain/view'

import { paintBars, paintMap, paintProposed, paintRemoved } from './paint-spans'
import { paintWave } from './paint-wave'
import type { OverlayScene, Scene } from './scene'

type Context = CanvasRenderingContext2D

const FONT = "12px 'IBM Plex Sans Variable', system-ui, sans-serif"
const SMALL = "11px 'IBM Plex Sans Variable', system-ui, sans-serif"
const LEAST_KEYFRAME_PX = 4
const LEAST_COPY_PX = 7

export function paintBase(ctx: Context, scene: Scene): void {
  const { layout, palette } = scene
  ctx.setTransform(layout.ratio, 0, 0, layout.ratio, 0, 0)
  ctx.fillStyle = palette.surface
  ctx.fillRect(0, 0, layout.width, layout.height)
  paintStrip(ctx, scene)
  paintWave(ctx, scene)
  paintRemoved(ctx, scene)
  paintSilences(ctx, scene)
  paintRuler(ctx, scene)
  paintStretches(ctx, scene)
  paintBars(ctx, scene)
  paintProposed(ctx, scene)
  paintMap(ctx, scene)
}

function paintRuler(ctx: Context, scene: Scene): void {
  const { layout, palette, view } = scene
  const { top, height } = layout.rows.ruler
  const bottom = top + height
  ctx.font = FONT
  ctx.textBaseline = 'middle'
  ctx.textAlign = 'left'
  for (const { frame, label } of ticksOf(view, layout.width, scene.clock, scene.total)) {
    const x = Math.round(xOf(view, layout.width, frame))
    ctx.fillStyle = label ? palette.dim : palette.faint
    ctx.fillRect(x, bottom - (label ? 9 : 5), 1, label ? 9 : 5)
    if (!label) continue
    ctx.fillStyle = palette.dim
    ctx.fillText(label, x + 4, top + height / 2 - 2)
  }
  paintKeyframes(ctx, scene, bottom)
  ctx.fillStyle = palette.line
  ctx.fillRect(0, bottom - 1, layout.width, 1)
}

/** Keyframes as ticks, places for copies as wedges: starts look to the right, ends to the left. */
function paintKeyframes(ctx: Context, scene: Scene, bottom: number): void {
  const { layout, palette, view, keyframes, copies } = scene
  const first = lowerBound(keyframes, view.start)
  const last = lowerBound(keyframes, view.start + view.span + 1)
  if (last - first <= layout.width / LEAST_KEYFRAME_PX) {
    ctx.fillStyle = palette.info
    for (let at = first; at < last; at += 1) {
      ctx.fillRect(Math.round(xOf(view, layout.width, keyframes[at] ?? 0)) - 1, bottom - 4, 2, 4)
    }
  }
  const wedges = (frames: readonly number[], direction: 1 | -1): void => {
    const from = lowerBound(frames, view.start)
    const to = lowerBound(frames, view.start + view.span + 1)
    // They are known for a stretch alone: how close they lie there decides, not how many are seen.
    const apart = ((frames[to - 1] ?? 0) - (frames[from] ?? 0)) / Math.max(1, to - from - 1)
    if (to - from > 1 && apart * (layout.width / view.span) < LEAST_COPY_PX) return
    ctx.beginPath()
    for (let at = from; at < to; at += 1) {
      const x = Math.round(xOf(view, layout.width, frames[at] ?? 0))
      ctx.moveTo(x, bottom - 7)
      ctx.lineTo(x + 5 * direction, bottom - 3.5)
      ctx.lineTo(x, bottom)
    }
    ctx.fill()
  }
  ctx.fillStyle = palette.kept
  wedges(copies.ends, -1)
  wedges(copies.starts, 1)
}

function paintStretches(ctx: Context, scene: Scene): void {
  const { layout, palette, view, stretches } = scene
  const { top, height } = layout.rows.marks
  if (height === 0) return
  ctx.font = SMALL
  ctx.textBaseline = 'middle'
  for (const { start, end, kind, label } of stretches) {
    const left = Math.max(-4, xOf(view, layout.width, start))
    const right = Math.min(layout.width + 4, xOf(view, layout.width, end))
    if (right < 0 || left > layout.width || right - left < 1) continue
    const chapter = kind === 'chapter'
    ctx.fillStyle = chapter ? palette.line : kind === 'commercial' ? palette.mark : palette.info
    ctx.beginPath()
    ctx.roundRect(left + 1, top + 3, Math.max(2, right - left - 2), height - 6, 4)
    ctx.fill()
    if (right - left < 36) continue
    ctx.save()
    ctx.clip()
    ctx.fillStyle = chapter ? palette.ink : palette.surface
    ctx.fillText(label, Math.max(left, 0) + 7, top + height / 2 + 0.5)
    ctx.restore()
  }
}

function paintStrip(ctx: Context, scene: Scene): void {
  const { layout, palette, view, level, total } = scene
  const { top, height } = layout.rows.strip
  ctx.fillStyle = palette.stage
  ctx.fillRect(0, top, layout.width, height)
  const [first, last] = slotsIn(view, level, total)
  const frames = 2 ** level
  for (let slot = first; slot <= last; slot += 1) {
    const left = Math.round(xOf(view, layout.width, slot * frames))
    const right = Math.round(xOf(view, layout.width, Math.min(total, (slot + 1) * frames)))
    const tile = scene.pictureOf(level, slot)
    if (!tile || right <= left) continue
    const wide = right - left
    const shown = (height * tile.w) / tile.h
    if (wide >= shown) {
      // Single frames: the whole picture, in the middle of its place.
      ctx.drawImage(tile.image, tile.x, tile.y, tile.w, tile.h, left + (wide - shown) / 2, top, shown, height)
    } else {
      const cut = (tile.w * wide) / shown
      ctx.drawImage(tile.image, tile.x + (tile.w - cut) / 2, tile.y, cut, tile.h, left, top, wide, height)
    }
    ctx.fillStyle = palette.stage
    ctx.fillRect(right - 1, top, 1, height)
  }
}

function paintSilences(ctx: Context, scene: Scene): void {
  const { layout, palette, view, silences, black } = scene
  const { top, height } = layout.rows.wave
  ctx.fillStyle = palette.mark
  for (const [start, end] of silences) {
    const left = xOf(view, layout.width, start)
    const right = xOf(view, layout.width, end)
    if (right < 0 || left > layout.width) continue
    ctx.fillRect(left, top + height - 3, Math.max(1.5, right - left), 3)
  }
  const strip = layout.rows.strip
  ctx.fillStyle = palette.mark
  for (let at = lowerBound(black, view.start - 1); at < black.length; at += 1) {
    const left = xOf(view, layout.width, black[at] ?? 0)
    if (left > layout.width) break
    ctx.fillRect(left, strip.top, Math.max(2, layout.width / view.span), 3)
  }
}

export function paintOverlay(ctx: Context, scene: OverlayScene): void {
  const { layout, palette, view, cursor, hover, caught } = scene
  ctx.setTransform(layout.ratio, 0, 0, layout.ratio, 0, 0)
  ctx.clearRect(0, 0, layout.width, layout.height)
  const { ruler, map } = layout.rows
  if (hover !== null) {
    ctx.fillStyle = palette.dim
    ctx.fillRect(Math.round(xOf(view, layout.width, hover)), ruler.top, 1, layout.height - ruler.top)
  }
  if (caught !== null) {
    const x = Math.round(xOf(view, layout.width, caught))
    ctx.fillStyle = palette.info
    ctx.fillRect(x - 1, ruler.top, 2, layout.height - ruler.top)
  }
  const x = xOf(view, layout.width, cursor)
  const wide = layout.width / view.span
  if (x + wide >= 0 && x <= layout.width) paintHead(ctx, scene, x, wide)
  const small = (cursor / Math.max(1, scene.total)) * layout.width
  ctx.fillStyle = palette.mark
  ctx.fillRect(Math.round(small) - 1, map.top, 2, map.height)
}

/** The shown frame: a line at its beginning; from close by, a frame around its picture. */
function paintHead(ctx: Context, { layout, palette }: OverlayScene, x: number, wide: number): void {
  const { ruler, strip } = layout.rows
  const left = Math.round(x)
  ctx.fillStyle = palette.surface
  ctx.fillRect(left - 2, ruler.top + 6, 5, layout.height - ruler.top - 6)
  ctx.fillStyle = palette.mark
  ctx.fillRect(left - 1, ruler.top + 6, 3, layout.height - ruler.top - 6)
  ctx.beginPath()
  ctx.roundRect(left - 7, ruler.top + 1, 15, 11, 3)
  ctx.moveTo(left - 6, ruler.top + 11)
  ctx.lineTo(left + 0.5, ruler.top + 19)
  ctx.lineTo(left + 7, ruler.top + 11)
  ctx.fill()
  if (wide < 6) return
  ctx.strokeStyle = palette.mark
  ctx.lineWidth = 3
  ctx.strokeRect(left, strip.top + 1.5, Math.max(3, wide - 1), strip.height - 3)
}
