/** Spans of frames, half-open `[start, end)`, and lists of them that are sorted and neither overlap nor touch. */

export interface Span {
  readonly start: number
  readonly end: number
}

export type KeepList = readonly Span[]

export function isSpan(span: Span): boolean {
  return Number.isInteger(span.start) && Number.isInteger(span.end) && span.start >= 0 && span.end > span.start
}

export function spanLength(span: Span): number {
  return span.end - span.start
}

/** The union of spans in any order: overlapping and touching ones are joined, none is ever shortened. */
export function union(spans: Iterable<Span>): KeepList {
  const sorted = [...spans].filter(isSpan).sort((a, b) => a.start - b.start)
  const joined: Span[] = []
  for (const span of sorted) {
    const last = joined.at(-1)
    if (last && span.start <= last.end) {
      joined[joined.length - 1] = { start: last.start, end: Math.max(last.end, span.end) }
    } else {
      joined.push({ start: span.start, end: span.end })
    }
  }
  return joined
}

export function addSpan(list: KeepList, span: Span): KeepList {
  return union([...list, span])
}

export function removeAt(list: KeepList, index: number): KeepList {
  return list.filter((_, at) => at !== index)
}

/** The list with another span at `index`; the result is joined where it now overlaps a neighbour. */
export function replaceAt(list: KeepList, index: number, span: Span): KeepList {
  return union(list.map((old, at) => (at === index ? span : old)))
}

/** What lies in `[0, total)`. */
export function clip(list: KeepList, total: number): KeepList {
  return list
    .filter((span) => span.start < total)
    .map((span) => ({ start: span.start, end: Math.min(span.end, total) }))
}

/** What of `[0, total)` is removed. */
export function invert(list: KeepList, total: number): KeepList {
  const removed: Span[] = []
  let at = 0
  for (const span of clip(list, total)) {
    if (span.start > at) removed.push({ start: at, end: span.start })
    at = span.end
  }
  if (at < total) removed.push({ start: at, end: total })
  return removed
}

/** How many frames survive. */
export function countFrames(list: KeepList): number {
  return list.reduce((sum, span) => sum + spanLength(span), 0)
}

export function sameList(a: KeepList, b: KeepList): boolean {
  return a.length === b.length && a.every((span, at) => span.start === b[at]?.start && span.end === b[at].end)
}

/** The index of the span that holds the frame; -1 if it is removed. */
export function indexAt(list: KeepList, frame: number): number {
  return list.findIndex((span) => span.start <= frame && frame < span.end)
}

/** All edges in order; an end is the first frame that is not kept, `total` becomes the last frame. */
function edges(list: KeepList, total: number): number[] {
  const all = list.flatMap((span) => [span.start, span.end])
  return [...new Set(all.map((edge) => Math.min(edge, total - 1)))]
}

/** The nearest edge before the frame; the first frame if there is none. */
export function edgeBefore(list: KeepList, frame: number, total: number): number {
  return edges(list, total).findLast((edge) => edge < frame) ?? 0
}

/** The nearest edge after the frame; the last frame if there is none. */
export function edgeAfter(list: KeepList, frame: number, total: number): number {
  return edges(list, total).find((edge) => edge > frame) ?? Math.max(0, total - 1)
}
