import { onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'

import { isAbort, toApiError, type ApiError } from '@/api/client'
import { listItems } from '@/api/endpoints'
import type { Item, ItemState, SortKey } from '@/api/types'
import { pagesOf } from '@/domain/windowing'

const PAGE = 100
/** As many as the server gives at once. */
const LARGE_PAGE = 1000
/** A wheel that spins past thousands of titles asks for none of them. */
const SETTLED_MS = 90

export interface ItemsWish {
  library: string
  section: string
  search: string
  sort: SortKey
  state: ItemState
}

/** The items of a section; those that are shown are fetched. A new wish cancels what was under way. */
export function useItems(wish: Ref<ItemsWish | null>) {
  /** As long as the whole list; what was not fetched yet is undefined. */
  const items = shallowRef<(Item | undefined)[]>([])
  const loading = ref(false)
  const loaded = ref(false)
  const error = shallowRef<ApiError | null>(null)
  const asked = new Set<number>()
  let controller = new AbortController()
  let timer = 0

  async function loadPage(page: number): Promise<void> {
    const wanted = wish.value
    if (!wanted || asked.has(page)) return
    asked.add(page)
    const { library, section, search, sort, state } = wanted
    const { signal } = controller
    loading.value = true
    try {
      const found = await listItems(library, section, { search, sort, state, offset: page * PAGE, limit: PAGE }, signal)
      // Another array each time, for those who draw it.
      const list = loaded.value ? items.value.slice(0, found.total) : []
      list.length = found.total
      found.items.forEach((item, i) => {
        list[page * PAGE + i] = item
      })
      items.value = list
      loaded.value = true
      error.value = null
    } catch (caught) {
      if (isAbort(caught)) return
      asked.delete(page)
      error.value = toApiError(caught)
    }
    loading.value = false
  }

  /** Items `[first, end)`, fetched if need be; null where another list is wished for meanwhile, or one cannot be had. */
  async function fetchRange(first: number, end: number): Promise<readonly (Item | undefined)[] | null> {
    const wanted = wish.value
    if (!wanted) return null
    const { library, section, search, sort, state } = wanted
    const { signal } = controller
    const isMissing = (page: number): boolean => {
      const inPage = items.value.slice(Math.max(first, page * LARGE_PAGE), Math.min(end, (page + 1) * LARGE_PAGE))
      return [...inPage].includes(undefined)
    }
    try {
      for (const page of pagesOf(first, end, LARGE_PAGE).filter(isMissing)) {
        const offset = page * LARGE_PAGE
        const found = await listItems(library, section, { search, sort, state, offset, limit: LARGE_PAGE }, signal)
        const list = items.value.slice()
        found.items.forEach((item, i) => {
          if (offset + i < list.length) list[offset + i] = item
        })
        items.value = list
      }
    } catch (caught) {
      if (!isAbort(caught)) error.value = toApiError(caught)
      return null
    }
    return wish.value === wanted ? items.value.slice(first, end) : null
  }

  /** Items `[first, end)` are on the screen. */
  function show(first: number, end: number): void {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => {
      for (const page of pagesOf(first, end, PAGE)) void loadPage(page)
    }, SETTLED_MS)
  }

  function forget(): void {
    window.clearTimeout(timer)
    controller.abort()
    controller = new AbortController()
    asked.clear()
  }

  /** Everything anew; what is shown stays until it is there. */
  async function reload(): Promise<void> {
    forget()
    loaded.value = false
    await loadPage(0)
  }

  watch(
    wish,
    (now, before) => {
      if (now?.library !== before?.library || now?.section !== before?.section) items.value = []
      void reload()
    },
    { immediate: true },
  )
  onScopeDispose(forget)

  return { items, loading, loaded, error, show, reload, fetchRange }
}
