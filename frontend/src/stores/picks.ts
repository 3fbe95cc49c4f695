import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'

import { listKeeps } from '@/api/endpoints'
import type { Item } from '@/api/types'
import { isPickable, readPicks, sortOut, toggled, withAll, writePicks, type Picks } from '@/domain/picking'

import { useConnection } from './connection'

const STORED = 'plexcut.picks'

/** What is picked in the library, through any search, filter and section, and a reload, until it is let go. */
export const usePicks = defineStore('picks', () => {
  const connection = useConnection()
  const picked = shallowRef<Picks>(readPicks(sessionStorage.getItem(STORED)))
  /** Whether a tap picks though nothing is picked yet. */
  const picking = ref(false)
  /** The recordings that have a saved keep list. */
  const keeps = shallowRef<ReadonlySet<string>>(new Set())
  const dialog = ref(false)

  const count = computed(() => picked.value.size)
  const active = computed(() => picking.value || count.value > 0)
  const sorted = computed(() => sortOut(picked.value, (recording) => keeps.value.has(recording)))
  /** How many of the picked items have a saved keep list. */
  const keptCount = computed(() => count.value - sorted.value.bare.length)

  async function loadKeeps(): Promise<void> {
    try {
      keeps.value = new Set(await listKeeps())
    } catch {
      // The dialog asks again, and says what is wrong.
    }
  }

  function set(next: Picks): void {
    picked.value = next
  }

  function toggle(item: Item): void {
    if (isPickable(item)) set(toggled(picked.value, item))
  }

  function add(items: readonly (Item | undefined)[]): void {
    set(withAll(picked.value, items))
  }

  function drop(items: readonly Item[]): void {
    const next = new Map(picked.value)
    items.forEach((item) => next.delete(item.id))
    set(next)
    if (next.size === 0) picking.value = false
  }

  function clear(): void {
    picking.value = false
    set(new Map())
  }

  const has = (item: Item | undefined): boolean => item !== undefined && picked.value.has(item.id)

  watch(
    active,
    (now) => {
      if (now) void loadKeeps()
    },
    { immediate: true },
  )
  // A reload of the page lets nothing go; another tab has picks of its own.
  watch(picked, (now) => {
    try {
      if (now.size === 0) sessionStorage.removeItem(STORED)
      else sessionStorage.setItem(STORED, writePicks(now))
    } catch {
      // So many do not fit: they last until the page is left.
      sessionStorage.removeItem(STORED)
    }
  })
  watch(
    () => connection.lastKeep,
    (event) => {
      if (!event) return
      const next = new Set(keeps.value)
      if (event.keep.length > 0) next.add(event.recording)
      else next.delete(event.recording)
      keeps.value = next
    },
  )

  return { picked, picking, active, count, keptCount, sorted, dialog, loadKeeps, set, toggle, add, drop, clear, has }
})
