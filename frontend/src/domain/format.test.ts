import { describe, expect, it } from 'vitest'

import { baseName, cutName, formatBytes, formatCodec, formatDuration } from './format'

const plain = (text: string): string => text.replaceAll('\u00a0', ' ')

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [4_123_000_000, '4.12 GB'],
    [12_345_678, '12.3 MB'],
    [999_600, '1 MB'],
  ])('writes %d as %s', (size, text) => {
    expect(plain(formatBytes(size, 'en'))).toBe(text)
  })

  it('uses the decimal sign of the language', () => {
    expect(plain(formatBytes(4_120_000_000, 'de'))).toBe('4,12 GB')
  })
})

describe('formatDuration', () => {
  it.each([
    [0.4, '0 s'],
    [59.6, '1 min'],
    [725, '12 min 5 s'],
    [5520, '1 h 32 min'],
    [7200, '2 h'],
  ])('writes %d as %s', (duration, text) => {
    expect(plain(formatDuration(duration))).toBe(text)
  })
})

it('names codecs and files', () => {
  expect(formatCodec('mpeg2video')).toBe('MPEG-2')
  expect(formatCodec('theora')).toBe('THEORA')
  expect(baseName('/media/a/b cut.ts')).toBe('b cut.ts')
  expect(baseName('C:\\media\\b.ts')).toBe('b.ts')
})

it('names the cut after its original', () => {
  expect(cutName('A. Film (2020).ts')).toBe('A. Film (2020) cut.ts')
  expect(cutName('noext')).toBe('noext cut')
})
