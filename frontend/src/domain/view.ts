/** The stretch of frames that a time line shows: from `start` on, `span` of them over its whole width. Fractions are fine. */

export interface View {
  readonly start: number
  readonly span: number
}

/** So few frames fill the width at the closest: each is as wide as a picture. */
export const CLOSEST_FRAMES = 8

export function whole(total: number): View {
  return { start: 0, span: Math.max(CLOSEST_FRAMES, total) }
}

/** Inside the recording, neither wider than it nor closer than `CLOSEST_FRAMES`. */
export function clampView(view: View, total: number): View {
  const most = Math.max(CLOSEST_FRAMES, total)
  const span = Math.min(most, Math.max(CLOSEST_FRAMES, view.span))
  return { start: Math.max(0, Math.min(view.start, most - span)), span }
}

export function xOf(view: View, width: number, frame: number): number {
  return ((frame - view.start) / view.span) * width
}

/** The place under `x`, with its fraction; the frame there is its whole part. */
export function placeAt(view: View, width: number, x: number): number {
  return view.start + (x / Math.max(1, width)) * view.span
}

export function frameAt(view: View, width: number, x: number, total: number): number {
  return Math.max(0, Math.min(Math.floor(placeAt(view, width, x)), total - 1))
}

/** Closer (factor below 1) or wider, with `anchor` staying where it is. */
export function zoom(view: View, factor: number, anchor: number, total: number): View {
  const most = Math.max(CLOSEST_FRAMES, total)
  const span = Math.min(most, Math.max(CLOSEST_FRAMES, view.span * factor))
  return clampView({ start: anchor - ((anchor - view.start) / view.span) * span, span }, total)
}

export function pan(view: View, frames: number, total: number): View {
  return clampView({ start: view.start + frames, span: view.span }, total)
}

/** The view moved so that the frame is well inside it; the same view if it is already. */
export function reveal(view: View, frame: number, total: number, margin = 0.08): View {
  const inner = view.span * margin
  if (frame >= view.start + inner && frame + 1 <= view.start + view.span - inner) return view
  const touches = (frame < view.start + inner && view.start <= 0) || (frame > view.start && view.start + view.span >= total)
  if (touches && frame >= view.start && frame < view.start + view.span) return view
  const start = frame - view.span / 2
  return clampView({ start, span: view.span }, total)
}

/** A view that shows a stretch with some room on both sides. */
export function around(start: number, end: number, total: number): View {
  const room = Math.max(2, (end - start) * 0.06)
  return clampView({ start: start - room, span: end - start + 2 * room }, total)
}

export function sameView(a: View, b: View): boolean {
  return a.start === b.start && a.span === b.span
}
