import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue'

import { isAbort, toApiError, type ApiError } from '@/api/client'
import { listItems } from '@/api/endpoints'
import type { Item, SortKey } from '@/api/types'

const PAGE = 100

export interface ItemsWish {
  library: string
  section: string
  search: string
  sort: SortKey
}

/** The items of a section, page by page. A new wish cancels what was under way. */
export function useItems(wish: Ref<ItemsWish | null>) {
  const items = shallowRef<Item[]>([])
  const total = ref(0)
  const loading = ref(false)
  const loaded = ref(false)
  const error = shallowRef<ApiError | null>(null)
  const more = computed(() => loaded.value && items.value.length < total.value)
  let controller = new AbortController()

  async function loadPage(offset: number): Promise<void> {
    const wanted = wish.value
    if (!wanted) return
    const { library, section, search, sort } = wanted
    const { signal } = controller
    loading.value = true
    try {
      const page = await listItems(library, section, { search, sort, offset, limit: PAGE }, signal)
      items.value = offset === 0 ? page.items : [...items.value, ...page.items]
      total.value = page.items.length === 0 ? items.value.length : page.total
      loaded.value = true
      error.value = null
    } catch (caught) {
      if (isAbort(caught)) return
      error.value = toApiError(caught)
    }
    loading.value = false
  }

  async function reload(): Promise<void> {
    controller.abort()
    controller = new AbortController()
    await loadPage(0)
  }

  async function loadMore(): Promise<void> {
    if (more.value && !loading.value) await loadPage(items.value.length)
  }

  watch(
    wish,
    (now, before) => {
      if (now?.library !== before?.library || now?.section !== before?.section) {
        items.value = []
        loaded.value = false
      }
      void reload()
    },
    { immediate: true },
  )
  onScopeDispose(() => controller.abort())

  return { items, total, loading, loaded, error, more, reload, loadMore }
}
