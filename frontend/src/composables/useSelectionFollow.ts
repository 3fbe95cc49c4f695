import { watch } from 'vue'

import { putSelection } from '@/api/endpoints'
import type { Item, SelectionChange } from '@/api/types'
import { useRecording } from '@/stores/recording'

function selectionOf(item: Item): SelectionChange {
  return {
    library: item.library,
    section: item.section,
    ...(item.show ? { show: item.show } : {}),
    ...(item.parent ? { season: item.parent } : {}),
    movie: item.id,
  }
}

/** What is open is what playlists and the timeline of the interface are about. */
export function useSelectionFollow(): void {
  const recording = useRecording()
  watch(
    () => recording.item,
    (item) => {
      // A selection that fails (another one is under way, the library is away) takes nothing from the editor.
      if (item) void putSelection(selectionOf(item)).catch(() => undefined)
    },
  )
}
