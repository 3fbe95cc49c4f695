/** Moving one of a list to another place. Pure. */

/** `list` with what is at `from` moved to `to`; the same list where that changes nothing. */
export function reordered<T>(list: readonly T[], from: number, to: number): readonly T[] {
  const place = Math.min(Math.max(to, 0), list.length - 1)
  if (from < 0 || from >= list.length || place === from) return list
  const next = list.filter((_, at) => at !== from)
  next.splice(place, 0, list[from] as T)
  return next
}

/** Where something that is held at `y_px` belongs among others whose middles these are. */
export function placeAt(y_px: number, middles_px: readonly number[]): number {
  return middles_px.filter((middle_px) => middle_px < y_px).length
}

/** Where a key moves what is at `at`; null where it is none that moves. */
export function movedByKey(key: string, at: number, total: number): number | null {
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: total - 1 }[key]
  return to === undefined ? null : Math.min(Math.max(to, 0), total - 1)
}
