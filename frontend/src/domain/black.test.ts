import { describe, expect, it } from 'vitest'

import { BLACK_SAMPLE, blackTiles } from './black'

/** Pictures side by side, each of one grey; `specks` of a picture's samples are white. */
function row(greys: number[], specks: number[] = []): number[] {
  const width = greys.length * BLACK_SAMPLE
  const pixels = new Array<number>(4 * width * BLACK_SAMPLE).fill(255)
  for (let y = 0; y < BLACK_SAMPLE; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const picture = Math.floor(x / BLACK_SAMPLE)
      const inside = y * BLACK_SAMPLE + (x % BLACK_SAMPLE)
      const value = inside < (specks[picture] ?? 0) ? 255 : (greys[picture] ?? 0)
      for (let channel = 0; channel < 3; channel += 1) pixels[4 * (y * width + x) + channel] = value
    }
  }
  return pixels
}

describe('black pictures', () => {
  it('are told from dark ones', () => {
    expect(blackTiles(row([16, 60, 0, 200, 24]), 5)).toEqual([0, 2, 4])
  })

  it('may carry a logo, but not a title', () => {
    expect(blackTiles(row([16, 16], [3, 12]), 2)).toEqual([0])
  })
})
