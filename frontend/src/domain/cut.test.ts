import { describe, expect, it } from 'vitest'

import { targetOf } from './cut'

describe('targetOf', () => {
  it('says what is chosen, and nothing else', () => {
    expect(targetOf('beside', 'same', false)).toEqual({ output: 'beside' })
    expect(targetOf('beside', 'mkv', true)).toEqual({ output: 'beside', container: 'mkv', chapters: true })
    expect(targetOf('replace', 'mkv', true)).toEqual({ output: 'replace' })
  })
})
