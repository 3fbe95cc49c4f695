import { describe, expect, it } from 'vitest'

import { BINDINGS } from '@/keyboard/bindings'

import de from './de.json'
import en from './en.json'

interface Messages {
  [key: string]: string | Messages
}

function flatten(messages: Messages, prefix = ''): Map<string, string> {
  const found = new Map<string, string>()
  for (const [key, value] of Object.entries(messages)) {
    if (typeof value === 'string') found.set(prefix + key, value)
    else for (const [name, text] of flatten(value, `${prefix}${key}.`)) found.set(name, text)
  }
  return found
}

const english = flatten(en)
const german = flatten(de)
const placeholders = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort()

const sources = import.meta.glob<string>(['../**/*.vue', '../**/*.ts', '!../**/*.test.ts'], {
  query: '?raw',
  import: 'default',
  eager: true,
})

describe('locales', () => {
  it('have the same keys', () => {
    expect([...german.keys()].sort()).toEqual([...english.keys()].sort())
  })

  it('have no empty text, and the same places to fill in', () => {
    for (const [key, text] of english) {
      expect(text, key).not.toBe('')
      expect(placeholders(german.get(key) ?? ''), key).toEqual(placeholders(text))
    }
  })

  it('have every key that the page uses', () => {
    for (const [file, source] of Object.entries(sources)) {
      for (const [, key] of source.matchAll(/\bt\(\s*'([^']+)'/g)) expect(english.has(key ?? ''), `${file}: ${key}`).toBe(true)
    }
  })

  it('name every key binding', () => {
    for (const { action } of BINDINGS) expect(english.has(`keys.${action}`), action).toBe(true)
  })
})
