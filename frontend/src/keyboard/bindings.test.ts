import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { BINDINGS, bindingsWith, GROUPS, labelOf, matchKey, rebound, sameStroke, type Action, type Chosen, type KeyStroke } from './bindings'

const ACTIONS = Object.values(GROUPS).flat() as Action[]

function stroke(code: string, more: Partial<KeyStroke> = {}): KeyStroke {
  return { code, key: '', shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, ...more }
}

describe('matchKey', () => {
  it('tells modifiers apart', () => {
    expect(matchKey(stroke('ArrowLeft'))).toBe('frameBack')
    expect(matchKey(stroke('ArrowLeft', { shiftKey: true }))).toBe('secondBack')
    expect(matchKey(stroke('ArrowLeft', { ctrlKey: true }))).toBe('tenBack')
    expect(matchKey(stroke('ArrowLeft', { altKey: true }))).toBe('keyframeBack')
    expect(matchKey(stroke('KeyI', { altKey: true }))).toBeNull()
  })

  it('takes Cmd for Ctrl', () => {
    expect(matchKey(stroke('KeyZ', { metaKey: true }))).toBe('undo')
    expect(matchKey(stroke('KeyZ', { metaKey: true, shiftKey: true }))).toBe('redo')
  })

  it('goes by the place of the key, but by the letter for the question mark', () => {
    expect(matchKey(stroke('KeyI', { key: 'c' }))).toBe('setIn')
    expect(matchKey(stroke('Minus', { key: '?', shiftKey: true }))).toBe('help')
  })

  it('gives no key stroke two meanings, and every action a key', () => {
    for (const [at, one] of BINDINGS.entries()) {
      expect(BINDINGS.slice(at + 1).some((other) => sameStroke(one, other)), one.action).toBe(false)
    }
    for (const action of ACTIONS) expect(BINDINGS.some((one) => one.action === action), action).toBe(true)
  })
})

describe('choosing keys', () => {
  it('replaces the usual ones', () => {
    const chosen = rebound({}, 'setIn', { code: 'KeyQ' })
    const bindings = bindingsWith(chosen)
    expect(matchKey(stroke('KeyQ'), bindings)).toBe('setIn')
    expect(matchKey(stroke('KeyI'), bindings)).toBeNull()
    expect(matchKey(stroke('KeyO'), bindings)).toBe('setOut')
  })

  it('takes a key from what it did before', () => {
    const bindings = bindingsWith(rebound({}, 'setIn', { code: 'ArrowUp' }))
    expect(matchKey(stroke('ArrowUp'), bindings)).toBe('setIn')
    expect(matchKey(stroke('BracketLeft'), bindings)).toBe('edgeBack')
  })

  it('never gives one key two meanings, however often it is done', () => {
    const strokes = fc.record({
      code: fc.constantFrom('KeyI', 'KeyO', 'KeyL', 'Space', 'ArrowUp', 'Digit5'),
      shift: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...ACTIONS), strokes), { maxLength: 12 }), (changes) => {
        const chosen = changes.reduce<Chosen>((made, [action, one]) => rebound(made, action, one), {})
        const all = bindingsWith(chosen)
        for (const [at, one] of all.entries()) {
          expect(all.slice(at + 1).some((other) => sameStroke(one, other))).toBe(false)
        }
        const [action, last] = changes.at(-1) ?? []
        if (action && last) expect(all.find((one) => sameStroke(one, last))?.action).toBe(action)
      }),
    )
  })

  it('names keys as they are printed', () => {
    expect(labelOf({ code: 'KeyZ', control: true })).toBe('Ctrl Z')
    expect(labelOf({ code: 'KeyZ', control: true }, new Map([['KeyZ', 'y']]))).toBe('Ctrl Y')
    expect(labelOf({ code: 'ArrowLeft', shift: true })).toBe('Shift ←')
    expect(labelOf({ code: 'BracketLeft' }, new Map([['BracketLeft', 'ü']]))).toBe('Ü')
  })
})
