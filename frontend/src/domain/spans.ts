/**
 * Spans of frames, half-open `[start, end)`, and lists of them that are sorted and do not overlap. Two may touch: then
 * somebody divided a span there, to name or to move its parts; nothing is removed between them.
 */

export interface Span {
  readonly start: number
  readonly end: number
  /** What somebody calls it. */
  readonly label?: string
}

export type KeepList = readonly Span[]

export function isSpan(span: Span): boolean {
  return Number.isInteger(span.start) && Number.isInteger(span.end) && span.start >= 0 && span.end > span.start
}

export function spanOf(start: number, end: number, label?: string): Span {
  return label ? { start, end, label } : { start, end }
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
      joined[joined.length - 1] = spanOf(last.start, Math.max(last.end, span.end), last.label ?? span.label)
    } else {
      joined.push(spanOf(span.start, span.end, span.label))
    }
  }
  return joined
}

/** The list with one more span; those that it overlaps or touches become part of it. */
export function addSpan(list: KeepList, span: Span): KeepList {
  if (!isSpan(span)) return list
  const met = list.filter((one) => one.start <= span.end && span.start <= one.end)
  const joined = union([...met, span])
  return sorted([...list.filter((one) => !met.includes(one)), ...joined])
}

/** What is left when the frames of `gone` are removed. */
export function subtract(list: KeepList, gone: Span): KeepList {
  return list
    .flatMap((span) => [
      spanOf(span.start, Math.min(span.end, gone.start), span.label),
      spanOf(Math.max(span.start, gone.end), span.end, span.label),
    ])
    .filter(isSpan)
}

function sorted(spans: readonly Span[]): KeepList {
  return [...spans].sort((a, b) => a.start - b.start)
}

export function removeAt(list: KeepList, index: number): KeepList {
  return list.filter((_, at) => at !== index)
}

/** The list with another span at `index`; it swallows what it now overlaps. */
export function replaceAt(list: KeepList, index: number, span: Span): KeepList {
  if (!isSpan(span)) return list
  const others = list.filter((_, at) => at !== index)
  const met = others.filter((one) => one.start < span.end && span.start < one.end)
  return sorted([...others.filter((one) => !met.includes(one)), ...union([span, ...met])])
}

/** The span at `index` divided at a frame, which begins the second part; the same list where it is not inside. */
export function splitAt(list: KeepList, frame: number): KeepList {
  return list.flatMap((span) =>
    span.start < frame && frame < span.end
      ? [spanOf(span.start, frame, span.label), spanOf(frame, span.end)]
      : [span],
  )
}

/** The spans at `index` and behind it as one; what lay between them is kept too. */
export function mergeAt(list: KeepList, index: number): KeepList {
  const [first, next] = [list[index], list[index + 1]]
  if (!first || !next) return list
  const merged = spanOf(first.start, next.end, first.label ?? next.label)
  return list.flatMap((span, at) => (at === index ? [merged] : at === index + 1 ? [] : [span]))
}

export function labelAt(list: KeepList, index: number, label: string): KeepList {
  return list.map((span, at) => (at === index ? spanOf(span.start, span.end, label.trim()) : span))
}

export type Edge = 'start' | 'end'

/** How far an edge can be moved: to its neighbours, and so that a frame is left of its span. */
export function edgeRange(list: KeepList, index: number, edge: Edge, total: number): [least: number, most: number] {
  const span = list[index]
  if (!span) return [0, total]
  return edge === 'start'
    ? [list[index - 1]?.end ?? 0, span.end - 1]
    : [span.start + 1, list[index + 1]?.start ?? total]
}

/** The list with one edge elsewhere, as far as it can go. */
export function moveEdge(list: KeepList, index: number, edge: Edge, frame: number, total: number): KeepList {
  const [least, most] = edgeRange(list, index, edge, total)
  const to = Math.max(least, Math.min(frame, most))
  return list.map((span, at) => (at === index ? { ...span, [edge]: to } : span))
}

/** The list with a whole span moved by so many frames, as far as its neighbours let it. */
export function moveSpan(list: KeepList, index: number, by: number, total: number): KeepList {
  const span = list[index]
  if (!span) return list
  const least = (list[index - 1]?.end ?? 0) - span.start
  const most = (list[index + 1]?.start ?? total) - span.end
  const delta = Math.max(least, Math.min(by, most))
  return list.map((one, at) => (at === index ? { ...one, start: one.start + delta, end: one.end + delta } : one))
}

/** What lies in `[0, total)`. */
export function clip(list: KeepList, total: number): KeepList {
  return list
    .filter((span) => span.start < total)
    .map((span) => spanOf(span.start, Math.min(span.end, total), span.label))
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
  const same = (one: Span, other: Span | undefined): boolean =>
    one.start === other?.start && one.end === other.end && (one.label ?? '') === (other.label ?? '')
  return a.length === b.length && a.every((span, at) => same(span, b[at]))
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
