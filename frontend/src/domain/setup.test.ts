import { describe, expect, it } from 'vitest'

import type { Traced, Tried } from '@/api/types'

import { foldersOf, mappingsOf, nameOf, parentOf, rowsOf, tokenIn } from './setup'

const tried = (step: string, ok = true, code = ''): Tried => ({ step, ok, code, message: '', hint: '' })

const traced = (plex: string, state: Traced['state'], here: string | null, example: string | null = null): Traced => ({
  plex,
  here,
  state,
  example,
  file: '',
  reached: 1,
  looked_for: 1,
  same_bytes: null,
})

describe('rowsOf', () => {
  it('tells what was tried, what is being tried and what waits', () => {
    const states = (results: Tried[], running: boolean) => rowsOf(['a', 'b', 'c'], results, running).map((row) => row.state)
    expect(states([], false)).toEqual(['waiting', 'waiting', 'waiting'])
    expect(states([], true)).toEqual(['running', 'waiting', 'waiting'])
    expect(states([tried('a', true, 'no_tls')], true)).toEqual(['note', 'running', 'waiting'])
    expect(states([tried('a'), tried('b', false, 'silent')], false)).toEqual(['ok', 'failed', 'waiting'])
  })
})

describe('tokenIn', () => {
  it('finds the token in an address that was copied', () => {
    expect(tokenIn(' abc ')).toBe('abc')
    expect(tokenIn('https://h:32400/library/metadata/1?checkFiles=1&X-Plex-Token=xyz-9&a=b')).toBe('xyz-9')
  })
})

describe('paths', () => {
  it('are taken apart', () => {
    expect(parentOf('/mnt/tv/a.ts')).toBe('/mnt/tv')
    expect(parentOf('/a')).toBe('/')
    expect(nameOf('/mnt/tv/')).toBe('tv')
  })
})

describe('what was found', () => {
  const found = [
    traced('/share/a', 'found', '/mnt/a', '/mnt/a/x/y.ts'),
    traced('/share/b', 'same', '/share/b', '/share/b/y.ts'),
    traced('/share/c', 'not_found', null),
    traced('/share/d', 'wrong_size', '/mnt/d'),
    traced('/share/e', 'found', '/mnt/a', '/mnt/a/z.ts'),
  ]

  it('is written where the path differs', () => {
    expect(mappingsOf(found)).toEqual([
      { plex: '/share/a', here: '/mnt/a' },
      { plex: '/share/e', here: '/mnt/a' },
    ])
  })

  it('is tried once for each folder, where a recording lies', () => {
    expect(foldersOf(found)).toEqual([
      { path: '/mnt/a', below: '/mnt/a/x' },
      { path: '/share/b', below: '' },
    ])
  })
})
