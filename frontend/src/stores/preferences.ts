import { defineStore } from 'pinia'
import { reactive, ref, watch } from 'vue'

import { SNAP_KINDS, type SnapKind } from '@/domain/snap'
import type { Action, Stroke } from '@/keyboard/bindings'

const STORED = 'plexcut.editor'

interface Stored {
  snap: boolean
  kinds: SnapKind[]
  volume: number
  muted: boolean
  /** Keys that were chosen instead of the usual ones. */
  keys: Partial<Record<Action, Stroke[]>>
}

const USUAL: Stored = { snap: true, kinds: [...SNAP_KINDS], volume: 1, muted: false, keys: {} }

function read(): Stored {
  try {
    const found = JSON.parse(localStorage.getItem(STORED) ?? '{}') as Partial<Stored>
    return { ...USUAL, ...found }
  } catch {
    return { ...USUAL }
  }
}

/** How somebody likes to work, kept in this browser. */
export const usePreferences = defineStore('preferences', () => {
  const stored = read()
  const snap = ref(stored.snap)
  const kinds = reactive(new Set(stored.kinds))
  const volume = ref(stored.volume)
  const muted = ref(stored.muted)
  const keys = ref(stored.keys)

  watch([snap, () => [...kinds], volume, muted, keys], () => {
    const now: Stored = { snap: snap.value, kinds: [...kinds], volume: volume.value, muted: muted.value, keys: keys.value }
    try {
      localStorage.setItem(STORED, JSON.stringify(now))
    } catch {
      // A browser that keeps nothing: it holds for as long as the page is open.
    }
  }, { deep: true })

  function toggleKind(kind: SnapKind): void {
    if (!kinds.delete(kind)) kinds.add(kind)
  }

  return { snap, kinds, volume, muted, keys, toggleKind }
})
