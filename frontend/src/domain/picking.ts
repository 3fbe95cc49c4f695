import type { Item } from '@/api/types'

/** Picking items of a list, to do something with all of them. Pure. */

/** What can be picked: whatever has a file. Shows have none, their episodes do. */
export function isPickable(item: Item | undefined): item is Item {
  return item !== undefined && item.versions.length > 0 && (item.type === 'movie' || item.type === 'episode')
}

/** Both ends and all between, as `[first, end)`. */
export function rangeOf(from: number, to: number): [first: number, end: number] {
  return [Math.min(from, to), Math.max(from, to) + 1]
}

export type Picks = ReadonlyMap<string, Item>

/** `before` with this item more, or less where it was in it. */
export function toggled(before: Picks, item: Item): Picks {
  const next = new Map(before)
  if (!next.delete(item.id)) next.set(item.id, item)
  return next
}

/** `before` with these items more. */
export function withAll(before: Picks, items: readonly (Item | undefined)[]): Picks {
  return new Map([...before, ...items.filter(isPickable).map((item): [string, Item] => [item.id, item])])
}

export interface Pick {
  item: Item
  recording: string
  /** A title that tells it from others: with its show and number, and its version where there are several. */
  title: string
  size_bytes: number | null
  duration_s: number | null
}

/** What a person calls an item: an episode with its show and number. */
export function fullTitle(item: Item): string {
  if (item.type !== 'episode') return item.title
  const number = (n: number | null): string => (n === null ? '' : String(n).padStart(2, '0'))
  const place = [item.parent_index === null ? '' : `S${number(item.parent_index)}`, item.index === null ? '' : `E${number(item.index)}`]
  return [item.show_title, place.join(''), item.title].filter(Boolean).join(' · ')
}

/** The recordings among the picked items that have a saved keep list, and the items that have none. */
export function sortOut(picks: Picks, isKept: (recording: string) => boolean): { kept: Pick[]; bare: Item[] } {
  const kept: Pick[] = []
  const bare: Item[] = []
  for (const item of picks.values()) {
    const versions = item.versions.filter((version) => isKept(version.recording))
    if (versions.length === 0) bare.push(item)
    for (const version of versions) {
      const label = item.versions.length > 1 ? version.label : ''
      kept.push({
        item,
        recording: version.recording,
        title: [fullTitle(item), label].filter(Boolean).join(' · '),
        size_bytes: version.size_bytes,
        duration_s: version.duration_s ?? item.duration_s,
      })
    }
  }
  return { kept, bare }
}

/** Picks as text, and back; what cannot be read is nothing. */
export function writePicks(picks: Picks): string {
  return JSON.stringify([...picks.values()].map((item) => ({ ...item, summary: null })))
}

export function readPicks(text: string | null): Picks {
  try {
    const found: unknown = JSON.parse(text ?? '[]')
    return withAll(new Map(), Array.isArray(found) ? (found as Item[]).filter((item) => Array.isArray(item?.versions) && typeof item.id === 'string') : [])
  } catch {
    return new Map()
  }
}
