import { expect, it } from 'vitest'

import { fittingStep, stripGrid } from './steps'

it('chooses a step by the length of the recording', () => {
  expect(fittingStep(20).key).toBe('s1')
  expect(fittingStep(600).key).toBe('s10')
  expect(fittingStep(7200).key).toBe('m1')
})

it('meets every frame once, frame by frame', () => {
  const fps = 30000 / 1001
  const { pos_s, step_s } = stripGrid(10 / fps, { key: 'frame', seconds: null }, fps)
  const frames = [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5].map((k) => Math.floor((pos_s + k * step_s) * fps))
  expect(frames).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
})
