import { describe, expect, it } from 'vitest'

import type { Item } from '@/api/types'

import { fullTitle, isPickable, rangeOf, readPicks, sortOut, toggled, withAll, writePicks } from './picking'

function item(id: string, more: Partial<Item> = {}): Item {
  const version = { recording: `r-${id}`, label: 'HD', size_bytes: 1000, duration_s: 60 }
  return { id, type: 'movie', title: id, versions: [version], duration_s: 60, ...more } as Item
}

const show = item('show', { type: 'show', versions: [] })

describe('picking', () => {
  it('takes what has a file', () => {
    expect([item('a'), show, undefined, item('e', { type: 'episode' })].map(isPickable)).toEqual([true, false, false, true])
  })

  it('comes back from text, and nothing from what is none', () => {
    const picks = withAll(new Map(), [item('a'), item('b', { summary: 'long' })])
    expect([...readPicks(writePicks(picks)).keys()]).toEqual(['a', 'b'])
    expect(readPicks(writePicks(picks)).get('b')?.summary).toBeNull()
    for (const text of [null, '', '{', '7', '[null, 3, {"id": 5}]']) expect(readPicks(text).size).toBe(0)
  })

  it('goes both ways', () => {
    expect(rangeOf(3, 7)).toEqual([3, 8])
    expect(rangeOf(7, 3)).toEqual([3, 8])
    expect(rangeOf(4, 4)).toEqual([4, 5])
  })

  it('takes and gives back one, and takes many', () => {
    const one = toggled(new Map(), item('a'))
    expect([...one.keys()]).toEqual(['a'])
    expect(toggled(one, item('a')).size).toBe(0)
    expect([...withAll(one, [item('b'), undefined, show, item('a')]).keys()]).toEqual(['a', 'b'])
    expect(one.size).toBe(1)
  })

  it('sorts out what has a keep list, version by version', () => {
    const versions = ['HD', 'SD', ''].map((label, n) => ({ recording: `v${n}`, label, size_bytes: n, duration_s: null }))
    const several = item('s', { title: 'Ferry', versions: versions as Item['versions'], duration_s: 90 })
    const picks = withAll(new Map(), [item('a'), item('b'), several])
    const { kept, bare } = sortOut(picks, (recording) => ['r-b', 'v0', 'v2'].includes(recording))
    expect(bare.map((one) => one.id)).toEqual(['a'])
    expect(kept.map(({ recording, title, duration_s }) => [recording, title, duration_s])).toEqual([
      ['r-b', 'b', 60],
      ['v0', 'Ferry · HD', 90],
      ['v2', 'Ferry', 90],
    ])
  })

  it('names an episode with its show', () => {
    const episode = item('e', { type: 'episode', title: 'Salt', show_title: 'Night Ferry', parent_index: 1, index: 2 })
    expect(fullTitle(episode)).toBe('Night Ferry · S01E02 · Salt')
    expect(fullTitle({ ...episode, parent_index: null, index: null })).toBe('Night Ferry · Salt')
  })
})
