import { expect, it } from 'vitest'

import { movedByKey, placeAt, reordered } from './reorder'

it('moves one to another place', () => {
  const list = ['a', 'b', 'c', 'd']
  expect(reordered(list, 0, 2)).toEqual(['b', 'c', 'a', 'd'])
  expect(reordered(list, 3, 0)).toEqual(['d', 'a', 'b', 'c'])
  expect(reordered(list, 1, 99)).toEqual(['a', 'c', 'd', 'b'])
  expect(reordered(list, 1, 1)).toBe(list)
  expect(reordered(list, 9, 1)).toBe(list)
})

it('finds the place between the others', () => {
  expect(placeAt(5, [10, 20, 30])).toBe(0)
  expect(placeAt(25, [10, 20, 30])).toBe(2)
  expect(placeAt(99, [10, 20, 30])).toBe(3)
})

it('moves by keys', () => {
  expect(['ArrowUp', 'ArrowDown', 'Home', 'End', 'x'].map((key) => movedByKey(key, 2, 5))).toEqual([1, 3, 0, 4, null])
  expect(movedByKey('ArrowUp', 0, 5)).toBe(0)
})
