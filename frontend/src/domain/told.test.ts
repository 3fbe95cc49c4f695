import { describe, expect, it } from 'vitest'

import de from '@/locales/de.json'
import en from '@/locales/en.json'

import { toldIn } from './told'

const words = (locale: string, texts: Record<string, string>) => ({
  locale, has: (key: string) => key in texts, text: (key: string) => texts[key] ?? key,
})
const texts = { 'failure.disk_full.message': 'Kein Platz', 'failure.disk_full.hint': 'Schaffe Platz.' }
const said = { code: 'disk_full', message: '/a has 3 MB free', hint: 'make room' }

describe('what the server says', () => {
  it('stays as it is in English, and comes by its code elsewhere', () => {
    expect(toldIn(words('en', texts), said)).toEqual({ message: '/a has 3 MB free', hint: 'make room' })
    expect(toldIn(words('de', texts), said)).toEqual({ message: 'Kein Platz', hint: 'Schaffe Platz. (/a has 3 MB free)' })
  })

  it('is not lost where its code is not known', () => {
    expect(toldIn(words('de', texts), { ...said, code: 'new' })).toEqual({ message: '/a has 3 MB free', hint: 'make room' })
    expect(toldIn(words('en', { 'failure.disk_full.message': 'Full' }), { ...said, message: '' }).message).toBe('Full')
  })

  it('has whole sentences in both languages', () => {
    const all = Object.entries<{ message: string; hint?: string }>({ ...de.failure, ...de.check })
    for (const [code, { message, hint }] of all) {
      expect(message, code).toMatch(/^([A-ZÄÖÜ]|plexcut ).*[^.]$/)
      expect(hint ?? 'None.', code).toMatch(/^[A-ZÄÖÜ].*[.?]$/)
    }
    expect(Object.keys(de.failure)).toEqual(Object.keys(en.failure))
    expect(Object.keys(de.check)).toEqual(Object.keys(en.check))
  })
})
