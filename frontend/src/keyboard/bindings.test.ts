import { describe, expect, it } from 'vitest'

import { BINDINGS, matchKey, type KeyStroke } from './bindings'

function stroke(code: string, more: Partial<KeyStroke> = {}): KeyStroke {
  return { code, key: '', shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more }
}

describe('matchKey', () => {
  it('tells modifiers apart', () => {
    expect(matchKey(stroke('ArrowLeft'))).toBe('frameBack')
    expect(matchKey(stroke('ArrowLeft', { shiftKey: true }))).toBe('secondBack')
    expect(matchKey(stroke('ArrowLeft', { ctrlKey: true }))).toBe('tenBack')
    expect(matchKey(stroke('ArrowLeft', { altKey: true }))).toBeNull()
  })

  it('takes Cmd for Ctrl', () => {
    expect(matchKey(stroke('KeyZ', { metaKey: true }))).toBe('undo')
    expect(matchKey(stroke('KeyZ', { metaKey: true, shiftKey: true }))).toBe('redo')
  })

  it('goes by the place of the key, but by the letter for the question mark', () => {
    expect(matchKey(stroke('KeyI', { key: 'c' }))).toBe('setIn')
    expect(matchKey(stroke('Minus', { key: '?', shiftKey: true }))).toBe('help')
  })

  it('gives no key stroke two meanings', () => {
    const strokes = BINDINGS.map(({ code, shift, control, alt }) => [code, !!shift, !!control, !!alt].join())
    expect(new Set(strokes).size).toBe(strokes.length)
  })
})
