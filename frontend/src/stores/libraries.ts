import { defineStore } from 'pinia'
import { computed, ref, shallowReactive } from 'vue'

import { toApiError, type ApiError } from '@/api/client'
import { listLibraries, listSections } from '@/api/endpoints'
import type { Library, Section } from '@/api/types'

/** The libraries, whether each answers, and their sections. */
export const useLibraries = defineStore('libraries', () => {
  const libraries = ref<Library[]>([])
  const sections = shallowReactive(new Map<string, Section[]>())
  const loaded = ref(false)
  const error = ref<ApiError | null>(null)
  /** Counts how often a library came back, so that views know when to load again. */
  const returns = ref(0)

  const offline = computed(() => libraries.value.filter((library) => !library.online))
  const first = computed(() => {
    for (const library of libraries.value) {
      const section = sections.get(library.id)?.[0]
      if (section) return { library: library.id, section: section.id }
    }
    return null
  })

  async function loadSections(library: Library): Promise<void> {
    try {
      sections.set(library.id, await listSections(library.id))
    } catch (caught) {
      // An offline library has no sections to show; its own message says why.
      if (toApiError(caught).status !== 503) error.value = toApiError(caught)
    }
  }

  async function load(): Promise<void> {
    try {
      const fresh = await listLibraries()
      const back = fresh.filter((library) => library.online && find(library.id)?.online === false)
      libraries.value = fresh
      error.value = null
      await Promise.all(
        fresh.filter((library) => library.online || !sections.has(library.id)).map((library) => loadSections(library)),
      )
      if (back.length > 0) returns.value += 1
    } catch (caught) {
      error.value = toApiError(caught)
    } finally {
      loaded.value = true
    }
  }

  /** Takes in what an event says about one library. */
  async function apply(changed: Library): Promise<void> {
    const before = find(changed.id)
    if (!before) {
      await load()
      return
    }
    libraries.value = libraries.value.map((library) => (library.id === changed.id ? changed : library))
    if (changed.online) {
      await loadSections(changed)
      if (!before.online) returns.value += 1
    }
  }

  function find(id: string): Library | undefined {
    return libraries.value.find((library) => library.id === id)
  }

  function findSection(library: string, section: string): Section | undefined {
    return sections.get(library)?.find((one) => one.id === section)
  }

  return { libraries, sections, loaded, error, returns, offline, first, load, apply, find, findSection }
})
