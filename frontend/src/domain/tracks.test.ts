import { describe, expect, it } from 'vitest'

import { trackName } from './tracks'

describe('names of audio tracks', () => {
  const name = (language: string | null, codec = 'ac3', channels: number | null = 2, locale = 'en'): string =>
    trackName({ language, codec, channels }, locale, 'Track 1')

  it('are languages as people call them', () => {
    expect(name('deu')).toBe('German · AC-3 · Stereo')
    expect(name('ger', 'mp2', 6, 'de')).toBe('Deutsch · MP2 · 5.1')
    expect(name('fra', 'eac3', null)).toBe('French · E-AC-3')
  })

  it('say which track it is where the language does not', () => {
    expect(name(null)).toBe('Track 1 · AC-3 · Stereo')
    expect(name('und', 'xyz', 3)).toBe('Track 1 · XYZ · 3')
    expect(name('qks')).toBe('Track 1 (qks) · AC-3 · Stereo')
  })
})
