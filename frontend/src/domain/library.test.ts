import { describe, expect, it } from 'vitest'

import { readView, writeView } from './library'

describe('the look of a library in its address', () => {
  it('comes back from an address', () => {
    const look = { search: 'a b', sort: '-year', state: 'uncut', table: true } as const
    expect(readView(writeView(look), false)).toEqual(look)
    expect(readView({ state: 'proposed' }, false).state).toBe('proposed')
    expect(readView({}, true)).toEqual({ search: '', sort: 'title', state: 'all', table: true })
  })

  it('takes nothing that is not possible', () => {
    expect(readView({ sort: 'size', state: 'x', search: ['a', 'b'] }, false)).toEqual({
      search: '', sort: 'title', state: 'all', table: false,
    })
  })
})
