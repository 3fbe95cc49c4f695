/** Two people changed one list: what each of them added and removed, together. */

import { sameList, spanOf, splitAt, subtract, union, type KeepList } from './spans'

/** `mine` less `theirs`, frame by frame. */
export function difference(mine: KeepList, theirs: KeepList): KeepList {
  return theirs.reduce<KeepList>((left, span) => subtract(left, span), mine)
}

/**
 * `theirs` with what I added to `base` added, and what I removed from it removed. Labels are mine where I have one.
 */
export function mergeLists(base: KeepList, mine: KeepList, theirs: KeepList): KeepList {
  const merged = difference(union([...theirs, ...difference(mine, base)]), difference(base, mine))
  return merged.map((span) => {
    const same = mine.find((one) => one.label && one.start < span.end && span.start < one.end)
    return same?.label ? { ...span, label: same.label } : span
  })
}

/** Whether two lists say something different about any frame. */
export function differ(a: KeepList, b: KeepList): boolean {
  return !sameList(union(a.map(bare)), union(b.map(bare)))
}

function bare({ start, end }: KeepList[number]): KeepList[number] {
  return { start, end }
}

/**
 * `next` with the names and the divisions of `old`, as far as they fit: the server keeps frames, these are kept beside
 * them.
 */
export function carry(old: KeepList, next: KeepList): KeepList {
  const cuts = old.filter((span, at) => old[at - 1]?.end === span.start).map(({ start }) => start)
  return cuts.reduce(splitAt, union(next.map(bare))).map((span) => {
    const shared = (one: KeepList[number]): number => Math.min(one.end, span.end) - Math.max(one.start, span.start)
    const best = old.filter((one) => shared(one) > 0).sort((a, b) => shared(b) - shared(a))[0]
    return spanOf(span.start, span.end, best?.label)
  })
}
