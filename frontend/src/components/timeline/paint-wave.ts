/** Draws the sound: a bar for every pixel, on a scale of decibels. */

import { placeAt } from '@/domain/view'
import { heightOf, peakBetween } from '@/domain/wave'

import type { Scene } from './scene'

export function paintWave(ctx: CanvasRenderingContext2D, { layout, palette, view, waves, total }: Scene): void {
  const { top, height } = layout.rows.wave
  const middle = top + height / 2
  const end = Math.min(layout.width, ((total - view.start) / view.span) * layout.width)
  ctx.fillStyle = palette.dim
  ctx.beginPath()
  ctx.moveTo(0, middle)
  const halves: number[] = []
  for (let x = 0; x < end; x += 1) {
    const peak = peakBetween(waves, placeAt(view, layout.width, x), placeAt(view, layout.width, x + 1))
    halves.push(Math.max(0.5, (heightOf(peak) * (height - 4)) / 2))
  }
  halves.forEach((half, x) => ctx.lineTo(x, middle - half))
  for (let x = halves.length - 1; x >= 0; x -= 1) ctx.lineTo(x, middle + (halves[x] ?? 0))
  ctx.fill()
}
