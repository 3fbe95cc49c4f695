import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { toApiError, type ApiError } from '@/api/client'
import { addLibrary, getSetup, startDemo, tracePlex, tryFolder, tryPlex } from '@/api/setup'
import type { FolderTried, Library, PlexSection, SetupState, Traced, Tried } from '@/api/types'
import { foldersOf, mappingsOf, nameOf, PLEX_STEPS, tokenIn, type FolderToTry, type Way } from '@/domain/setup'

import { useLibraries } from './libraries'

const DEMO_MS = 1_000

/** A library that is being added. The token is held here until it is saved, and nowhere else in the browser. */
export const useSetup = defineStore('setup', () => {
  const state = shallowRef<SetupState | null>(null)
  const way = ref<Way | null>(null)
  const busy = ref(false)
  const error = shallowRef<ApiError | null>(null)

  const address = ref('')
  const token = ref('')
  const results = shallowRef<Tried[]>([])
  const serverName = ref('')
  const serverVersion = ref('')
  const sections = shallowRef<PlexSection[]>([])
  const chosen = ref<number[]>([])
  const traced = shallowRef<Traced[] | null>(null)

  const folder = ref('')
  const tried = shallowRef<FolderTried[]>([])
  const name = ref('')
  const outputFolder = ref('')
  const outputTried = shallowRef<FolderTried | null>(null)
  const added = shallowRef<Library | null>(null)

  const libraries = useLibraries()
  let round = 0

  const open = computed(() => state.value?.closed === '')
  const connected = computed(() => results.value.length === PLEX_STEPS.length && results.value.every((one) => one.ok))
  const folders = computed<FolderToTry[]>(() =>
    way.value === 'folder' ? [{ path: folder.value, below: '' }] : foldersOf(traced.value ?? []),
  )
  const writable = computed(() => tried.value.length > 0 && tried.value.every((one) => one.writable))
  const readable = computed(() => tried.value.length === folders.value.length && tried.value.every((one) => one.readable))

  async function load(): Promise<void> {
    try {
      state.value = await getSetup()
    } catch {
      // Whether the server answers at all is told elsewhere.
    }
  }

  /** Runs `work`; what it throws is shown, and what began before and comes later does not count. */
  async function doing(work: (isCurrent: () => boolean) => Promise<void>): Promise<void> {
    const mine = ++round
    busy.value = true
    error.value = null
    try {
      await work(() => mine === round)
    } catch (caught) {
      if (mine === round) error.value = toApiError(caught)
    } finally {
      if (mine === round) busy.value = false
    }
  }

  function begin(next: Way | null): void {
    round += 1
    way.value = next
    busy.value = false
    error.value = null
    results.value = []
    serverName.value = serverVersion.value = ''
    sections.value = []
    chosen.value = []
    traced.value = null
    tried.value = []
    folder.value = name.value = outputFolder.value = ''
    outputTried.value = null
    added.value = null
    if (next !== 'plex') token.value = ''
  }

  /** What was found out about another address or token counts no more. */
  function forget(): void {
    round += 1
    busy.value = false
    results.value = []
    traced.value = null
  }

  async function test(): Promise<void> {
    token.value = tokenIn(token.value)
    await doing(async (isCurrent) => {
      results.value = []
      traced.value = null
      for (const step of PLEX_STEPS) {
        const found = await tryPlex({ address: address.value, token: token.value, step })
        if (!isCurrent()) return
        results.value = [...results.value, found.tried]
        address.value = found.address || address.value
        serverName.value = found.name || serverName.value
        serverVersion.value = found.version || serverVersion.value
        if (!found.tried.ok) return
        if (step === 'sections') {
          sections.value = found.sections
          chosen.value = found.sections.map((section) => section.key)
          name.value = serverName.value || 'Plex'
        }
      }
    })
  }

  function order() {
    const all = chosen.value.length === sections.value.length
    return { address: address.value, token: token.value, sections: all ? [] : chosen.value }
  }

  async function trace(also: string[] = []): Promise<void> {
    await doing(async (isCurrent) => {
      const found = await tracePlex({ ...order(), folders: also })
      if (isCurrent()) traced.value = found
    })
  }

  /** Checks a folder that was given for one of the server's. */
  async function check(plex: string, here: string): Promise<void> {
    await doing(async (isCurrent) => {
      const [found] = await tracePlex({ ...order(), folders: [], mappings: [{ plex, here }] })
      if (isCurrent() && found) traced.value = (traced.value ?? []).map((one) => (one.plex === plex ? found : one))
    })
  }

  function leaveOut(plex: string): void {
    traced.value = (traced.value ?? []).map((one) =>
      one.plex === plex ? { ...one, here: null, state: 'not_found', example: null } : one,
    )
  }

  async function tryAll(): Promise<void> {
    await doing(async (isCurrent) => {
      tried.value = []
      for (const { path, below } of folders.value) {
        const found = await tryFolder(path, below)
        if (!isCurrent()) return
        tried.value = [...tried.value, found]
      }
      if (way.value === 'folder' && !name.value) name.value = nameOf(folder.value)
    })
  }

  async function tryOutput(): Promise<void> {
    await doing(async (isCurrent) => {
      outputTried.value = null
      const found = await tryFolder(outputFolder.value)
      if (isCurrent()) outputTried.value = found
    })
  }

  async function save(): Promise<boolean> {
    await doing(async (isCurrent) => {
      const output_folder = outputTried.value?.writable ? outputFolder.value : ''
      const common = { name: name.value, output_folder }
      const all = chosen.value.length === sections.value.length
      const library = await addLibrary(
        way.value === 'folder'
          ? { kind: 'folder', path: folder.value, address: '', token: '', sections: [], mappings: [], ...common }
          : {
              kind: 'plex',
              path: '',
              address: address.value,
              token: token.value,
              sections: all ? [] : sections.value.filter(({ key }) => chosen.value.includes(key)).map(({ key, title }) => ({ key, title })),
              mappings: mappingsOf(traced.value ?? []),
              ...common,
            },
      )
      if (!isCurrent()) return
      token.value = ''
      added.value = library
      await Promise.all([load(), libraries.load()])
    })
    return added.value !== null
  }

  async function demo(): Promise<void> {
    await doing(async (isCurrent) => {
      state.value = await startDemo()
      while (isCurrent() && state.value?.demo.state === 'making') {
        await new Promise((resolve) => window.setTimeout(resolve, DEMO_MS))
        await load()
      }
      await libraries.load()
    })
  }

  return {
    state, way, busy, error, address, token, results, serverName, serverVersion, sections, chosen, traced,
    folder, tried, name, outputFolder, outputTried, added, open, connected, folders, writable, readable,
    load, begin, forget, test, trace, check, leaveOut, tryAll, tryOutput, save, demo,
  }
})
