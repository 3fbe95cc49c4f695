/** Where in the recording a moment of what is played lies: kept spans, one behind the other. */

import type { Clock } from './clock'
import type { KeepList, Span } from './spans'

interface Piece {
  span: Span
  /** When it begins in what is played. */
  at_s: number
  start_s: number
}

export class PlayMap {
  private readonly pieces: readonly Piece[]
  readonly duration_s: number

  constructor(
    spans: KeepList,
    private readonly clock: Clock,
  ) {
    const pieces: Piece[] = []
    let at_s = 0
    for (const span of spans) {
      const start_s = clock.timeOf(span.start)
      pieces.push({ span, at_s, start_s })
      at_s += clock.timeOf(span.end) - start_s
    }
    this.pieces = pieces
    this.duration_s = at_s
  }

  /** The frame that is shown at a moment of what is played, told by that frame's own time there. */
  frameAt(media_s: number): number {
    const piece = this.pieces.findLast(({ at_s }) => at_s <= media_s + 0.002) ?? this.pieces[0]
    if (!piece) return 0
    const frame = this.clock.nearest(piece.start_s + media_s - piece.at_s)
    return Math.max(piece.span.start, Math.min(frame, piece.span.end - 1))
  }

  /** When a frame is played; null where it is not. */
  momentOf(frame: number): number | null {
    const piece = this.pieces.find(({ span }) => span.start <= frame && frame < span.end)
    return piece ? piece.at_s + this.clock.timeOf(frame) - piece.start_s : null
  }
}

/** Spans as they stand in an address. */
export function writtenSpans(spans: KeepList): string {
  return spans.map(({ start, end }) => `#${start}-#${end}`).join(',')
}

/** A little of what is kept on both sides of a seam: up to `frames` before `end`, and from `start` on. */
export function aroundSeam(end: number, start: number, frames: number, total: number): KeepList {
  return [
    { start: Math.max(0, end - frames), end },
    { start, end: Math.min(total, start + frames) },
  ].filter((span) => span.start < span.end)
}

/** The seam (or outer edge) of a list nearest to a frame: where a kept span ends and the next begins; null of an empty list. */
export function seamNear(list: KeepList, frame: number, total: number): { end: number; start: number } | null {
  const seams = list.slice(0, -1).map((span, at) => ({ end: span.end, start: list[at + 1]?.start ?? total }))
  const real = seams.filter(({ end, start }) => start > end)
  const away = ({ end, start }: { end: number; start: number }): number => Math.min(Math.abs(end - frame), Math.abs(start - frame))
  return real.reduce<{ end: number; start: number } | null>((best, one) => (best && away(best) <= away(one) ? best : one), null)
}
