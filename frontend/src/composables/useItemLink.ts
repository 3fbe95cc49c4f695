import { computed } from 'vue'
import type { RouteLocationRaw } from 'vue-router'

import type { Item } from '@/api/types'

/** Where an item of a library leads: a show to its episodes, a movie to the editor; null where it has to be chosen. */
export function useItemLink(item: () => Item) {
  const several = computed(() => item().versions.length > 1)
  const target = computed<RouteLocationRaw | null>(() => {
    const { type, id, recording } = item()
    if (type === 'show') return { name: 'show', params: { item: id } }
    if (several.value || !recording) return null
    return { name: 'edit', params: { recording } }
  })
  return { several, target }
}
