import { describe, expect, it } from 'vitest'

import type { Item, PlanAnswer, PreCheck } from '@/api/types'

import { judged, lineOf, sentence, sumUp } from './batch'

const plan = { duration_s: 40, bytes: 600, warnings: ['a fault'] } as PlanAnswer
const line = lineOf({ item: {} as Item, recording: 'r', title: 'Film', size_bytes: 1000, duration_s: 60 })
const check = (name: string, ok: boolean, vital: boolean): PreCheck =>
  ({ name, ok, vital, code: null, message: `${name} is wrong`, hint: 'wait' }) as PreCheck

describe('a batch', () => {
  it('bars what cannot be cut, and tells the rest', () => {
    expect(judged(line, plan, [check('file', true, true)])).toMatchObject({ state: 'fit', warnings: ['a fault'], reason: null })
    const watched = judged(line, plan, [check('watching', false, false)])
    expect(watched).toMatchObject({ state: 'fit', warnings: ['a fault', 'watching is wrong: wait'] })
    const full = judged(line, plan, [check('watching', false, false), check('space', false, true)])
    expect(full.state).toBe('barred')
    expect(sentence(full.reason ?? { message: '', hint: '' })).toBe('space is wrong: wait')
  })

  it('adds up what can be cut', () => {
    const lines = [
      judged(line, plan, []),
      judged(line, plan, [check('space', false, true)]),
      { ...judged(line, plan, []), state: 'refused' as const },
      { ...judged(line, plan, []), state: 'queued' as const },
      line,
    ]
    expect(sumUp(lines, 'replace')).toEqual({
      lines: 5, looking: 1, fit: 1, barred: 1, queued: 1, refused: 1,
      raw_s: 120, cut_s: 80, raw_bytes: 2000, cut_bytes: 1200, freed_bytes: 800,
    })
    expect(sumUp(lines, 'beside').freed_bytes).toBe(0)
  })
})
