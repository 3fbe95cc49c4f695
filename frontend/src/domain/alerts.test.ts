import { describe, expect, it } from 'vitest'

import type { Job, JobState } from '@/api/types'

import { alertOf, sift, someOf } from './alerts'

const job = (id: string, state: JobState): Job => ({ id, title: id, state }) as Job

describe('what is told when jobs end', () => {
  it('is nothing for what was cancelled', () => {
    expect(alertOf([job('a', 'cancelled')])).toBeNull()
    expect(alertOf([])).toBeNull()
  })

  it('is one, or a summary', () => {
    expect(alertOf([job('a', 'finished')])).toMatchObject({ kind: 'finished', job: { id: 'a' } })
    expect(alertOf([job('a', 'failed'), job('b', 'cancelled')])).toMatchObject({ kind: 'failed', job: { id: 'a' } })
    const several = alertOf([job('a', 'failed'), job('b', 'finished'), job('c', 'finished')])
    expect(several).toEqual({ kind: 'several', job: null, finished: 2, failed: 1, titles: ['a', 'b', 'c'] })
  })

  it('waits for the last of a batch', () => {
    const batches = [['a', 'b', 'c'], ['x', 'y']]
    const over = new Set(['a'])
    const isOver = (id: string): boolean => over.has(id)
    expect(sift(batches, 'z', isOver)).toEqual({ left: batches, over: null, known: false })
    expect(sift(batches, 'b', isOver)).toEqual({ left: batches, over: null, known: true })
    over.add('b')
    expect(sift(batches, 'c', isOver)).toEqual({ left: [['x', 'y']], over: ['a', 'b', 'c'], known: true })
  })

  it('names a few', () => {
    expect(someOf(['a', 'b'], 2, String)).toBe('a, b')
    expect(someOf(['a', 'b', 'c', 'd'], 2, (n) => `and ${n} more`)).toBe('a, b, and 2 more')
  })
})
