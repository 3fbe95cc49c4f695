import type { ItemState, SortKey } from '@/api/types'

/** What is shown of a section, and how; all of it stands in the address. */
export interface LibraryLook {
  search: string
  sort: SortKey
  state: ItemState
  table: boolean
}

const SORTS: readonly SortKey[] = ['title', '-title', 'added_at', '-added_at', 'year', '-year']
const STATES: readonly ItemState[] = ['all', 'recent', 'uncut', 'proposed', 'kept', 'cut']

/** The look that an address asks for; `table` is what is preferred where it does not say. */
export function readView(query: Record<string, unknown>, table: boolean): LibraryLook {
  const text = (name: string): string => (typeof query[name] === 'string' ? query[name] : '')
  return {
    search: text('search'),
    sort: SORTS.find((key) => key === text('sort')) ?? 'title',
    state: STATES.find((key) => key === text('state')) ?? 'all',
    table: text('view') ? text('view') === 'table' : table,
  }
}

/** The query of an address, without what goes without saying. */
export function writeView(look: LibraryLook): Record<string, string> {
  return {
    ...(look.search ? { search: look.search } : {}),
    ...(look.sort === 'title' ? {} : { sort: look.sort }),
    ...(look.state === 'all' ? {} : { state: look.state }),
    view: look.table ? 'table' : 'grid',
  }
}
