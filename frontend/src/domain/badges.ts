import type { Item } from '@/api/types'

export type Badge = 'cutting' | 'cut' | 'kept' | 'proposed'

/** What is to be said of a movie or an episode at a glance, the most important first; at most two. */
export function badgesOf(item: Pick<Item, 'edits' | 'versions'>, isBusy: (recording: string) => boolean): Badge[] {
  const badges: Badge[] = []
  if (item.versions.some((version) => isBusy(version.recording))) badges.push('cutting')
  if (item.edits?.cut) badges.push('cut')
  // A list that was cut already says nothing new.
  else if (item.edits?.kept) badges.push('kept')
  else if (item.edits?.proposed) badges.push('proposed')
  return badges
}
