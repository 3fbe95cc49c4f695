/** Proposed breaks: which of them are still to be decided, and what taking them over does. */

import { subtract, union, type KeepList, type Span } from './spans'

export interface Break {
  start_frame: number
  end_frame: number
  dismissed: boolean
}

export const spanOfBreak = ({ start_frame, end_frame }: Break): Span => ({ start: start_frame, end: end_frame })

/** How many frames of a span a keep list keeps. */
function keptIn(list: KeepList, { start, end }: Span): number {
  return union(list).reduce((sum, one) => sum + Math.max(0, Math.min(one.end, end) - Math.max(one.start, start)), 0)
}

/**
 * Those that nobody decided on. A break is taken over when most of it is removed: its edges may have been corrected since, and undo brings
 * it back by itself. An empty list removes nothing yet.
 */
export function openBreaks<B extends Break>(breaks: readonly B[], list: KeepList): B[] {
  return breaks.filter((one) => {
    if (one.dismissed) return false
    const span = spanOfBreak(one)
    return list.length === 0 || keptIn(list, span) * 2 > span.end - span.start
  })
}

/** The list without these breaks; where nothing is kept yet, the whole recording without them. */
export function accepted(list: KeepList, breaks: readonly Break[], total: number): KeepList {
  const whole: KeepList = list.length > 0 || total === 0 ? list : [{ start: 0, end: total }]
  return breaks.reduce((left, one) => subtract(left, spanOfBreak(one)), whole)
}

/** The break at a frame, or the next one behind it, or the first. */
export function breakAt<B extends Break>(breaks: readonly B[], frame: number): B | null {
  return (
    breaks.find((one) => one.start_frame <= frame && frame < one.end_frame) ??
    breaks.find((one) => one.start_frame >= frame) ??
    breaks[0] ??
    null
  )
}
