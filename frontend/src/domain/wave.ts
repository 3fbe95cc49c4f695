/** Which stretch of sound a time line needs, and how high it stands at a place. */

import type { View } from './view'

export interface WaveWish {
  /** Frames, half-open. */
  from: number
  to: number
  points: number
}

export interface WaveStretch extends WaveWish {
  track: number | null
  peaks: readonly number[]
  /** False while some of it is not measured yet. */
  complete: boolean
}

const MOST_POINTS = 8_000
/** A stretch reaches so far beyond what is seen, in widths of it, so that panning finds it there. */
const BESIDE = 0.5

/** The whole recording while that is fine enough, else a stretch around what is seen. */
export function waveWish(view: View, width: number, total: number): WaveWish {
  const points = Math.min(MOST_POINTS, Math.max(200, Math.round(width)))
  if (view.span * 4 >= total) return { from: 0, to: total, points: Math.min(MOST_POINTS, points * 4) }
  // On a grid, so that a small move asks for nothing new.
  const grid = Math.max(1, 2 ** Math.ceil(Math.log2(view.span * BESIDE)))
  const from = Math.max(0, Math.floor((view.start - view.span * BESIDE) / grid) * grid)
  const to = Math.min(total, Math.ceil((view.start + view.span * (1 + BESIDE)) / grid) * grid)
  return { from, to, points: Math.min(MOST_POINTS, Math.max(1, Math.round(((to - from) / view.span) * points))) }
}

/** Whether a stretch is as good as the one wished for. */
export function covers(stretch: WaveStretch, wish: WaveWish, track: number | null): boolean {
  const fine = (one: WaveWish): number => one.points / Math.max(1, one.to - one.from)
  return (
    stretch.track === track && stretch.complete && stretch.from <= wish.from && stretch.to >= wish.to &&
    fine(stretch) >= fine(wish) * 0.7
  )
}

/** The largest peak between two places (frames, with fractions); the finest stretch that has them decides. */
export function peakBetween(stretches: readonly WaveStretch[], first: number, last: number): number {
  const stretch = stretches.findLast((one) => one.from <= first && one.to >= Math.min(last, one.to) && first < one.to)
  if (!stretch) return 0
  const scale = stretch.points / (stretch.to - stretch.from)
  const low = Math.max(0, Math.floor((first - stretch.from) * scale))
  const high = Math.min(stretch.points, Math.max(low + 1, Math.ceil((last - stretch.from) * scale)))
  let peak = 0
  for (let at = low; at < high; at += 1) peak = Math.max(peak, stretch.peaks[at] ?? 0)
  return peak
}

/** Height of a peak, 0 to 1, on a scale on which -54 dB is nothing: quiet speech can be seen beside loud music. */
export function heightOf(peak: number): number {
  if (peak <= 0.002) return 0
  return Math.max(0, Math.min(1, 1 + (20 * Math.log10(peak)) / 54))
}
