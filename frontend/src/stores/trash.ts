import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { toApiError, type ApiError } from '@/api/client'
import { deleteTrash, getTrash, restoreEntry } from '@/api/endpoints'
import type { Emptied, Restored, Trash, TrashEntry } from '@/api/types'

/** What cuts in place have replaced, and what becomes of it. */
export const useTrash = defineStore('trash', () => {
  const trash = shallowRef<Trash | null>(null)
  const error = shallowRef<ApiError | null>(null)
  /** The entries with which something is being done. */
  const busy = ref(new Set<string>())

  const entries = computed(() => trash.value?.entries ?? [])
  const total = computed(() => trash.value?.total ?? 0)
  const size_bytes = computed(() => trash.value?.size_bytes ?? 0)

  async function load(): Promise<void> {
    try {
      trash.value = await getTrash()
      error.value = null
    } catch (caught) {
      error.value = toApiError(caught)
    }
  }

  async function doWith<T>(wanted: readonly TrashEntry[], work: () => Promise<T>): Promise<T> {
    wanted.forEach(({ id }) => busy.value.add(id))
    try {
      return await work()
    } finally {
      wanted.forEach(({ id }) => busy.value.delete(id))
      await load()
    }
  }

  /** Brings one back to where it was; what lies there goes to the trash. */
  function restore(entry: TrashEntry): Promise<Restored> {
    return doWith([entry], () => restoreEntry(entry.id))
  }

  /** Deletes these for good, and no others that came meanwhile. */
  function remove(wanted: readonly TrashEntry[]): Promise<Emptied> {
    return doWith(wanted, async () => {
      const all: Emptied = { deleted: [], freed_bytes: 0, kept: [] }
      for (const entry of wanted) {
        const one = await deleteTrash(entry.id)
        all.deleted.push(...one.deleted)
        all.kept.push(...one.kept)
        all.freed_bytes += one.freed_bytes
      }
      return all
    })
  }

  return { trash, entries, total, size_bytes, error, busy, load, restore, remove }
})
