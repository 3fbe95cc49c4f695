import { describe, expect, it } from 'vitest'

import de from '@/locales/de.json'
import en from '@/locales/en.json'

import { warningIn } from './warnings'
import shapes from './warnings.json'

const texts: Record<string, string> = de.warning
const sayer = (locale: string) => ({
  locale,
  say: (key: string, values: Record<string, string>) =>
    (texts[key.replace('warning.', '')] ?? key).replace(/\{(\w+)\}/gu, (_, name: string) => values[name] ?? '?'),
})

describe('what a plan warns of', () => {
  it('is said in the language of the page, with all that it names', () => {
    expect(warningIn(sayer('de'), 'programme 3 is left out')).toBe('programme 3 kommt nicht mit')
    const damaged =
      'reception was disturbed: 9 kept pictures lack packets (at 1.00 s, 2.00 s and 7 more places), 31 may look damaged; they are kept as they are'
    expect(warningIn(sayer('de'), damaged)).toBe(
      'Der Empfang war gestört: 9 behaltenen Bildern fehlen Daten (bei 1.00 s, 2.00 s und an 7 weiteren Stellen), ' +
        '31 können beschädigt aussehen; sie bleiben, wie sie sind',
    )
    expect(warningIn(sayer('en'), damaged)).toBe(damaged)
  })

  it('stays as it is where its shape is not known', () => {
    expect(warningIn(sayer('de'), 'something else')).toBe('something else')
  })

  it('has a text for every shape, which takes up every part', () => {
    expect(Object.keys(de.warning).sort()).toEqual([...shapes.map(({ code }) => code), 'more'].sort())
    expect(Object.keys(en.warning)).toEqual(Object.keys(de.warning))
    for (const { code, pattern } of shapes) {
      const parts = [...pattern.matchAll(/\?<(\w+)>/gu)].map(([, name]) => name ?? '')
      for (const part of parts) expect(texts[code], `${code}: ${part}`).toContain(`{${part}}`)
    }
  })
})
