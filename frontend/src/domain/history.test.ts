import { expect, it } from 'vitest'

import { push, redo, startHistory, undo } from './history'

it('goes back and forth, and forgets what was undone at a new change', () => {
  let history = push(push(startHistory('a'), 'b'), 'c')
  history = undo(history)
  expect(history.present).toBe('b')
  expect(redo(history).present).toBe('c')
  history = push(history, 'd')
  expect(redo(history).present).toBe('d')
  expect(undo(undo(undo(history))).present).toBe('a')
})
