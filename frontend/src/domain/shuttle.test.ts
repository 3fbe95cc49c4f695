import { describe, expect, it } from 'vitest'

import { nextRate } from './shuttle'

describe('the shuttle', () => {
  it('goes faster with each press, and turns round', () => {
    const rates = [0]
    for (const direction of [1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1] as const) rates.push(nextRate(rates.at(-1) ?? 0, direction))
    expect(rates).toEqual([0, 1, 2, 4, 8, 8, 4, 2, 1, -1, -2, -4])
  })
})
