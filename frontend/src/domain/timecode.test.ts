import { describe, expect, it } from 'vitest'

import { floorMicroseconds, formatShortTime, formatTimecode, parsePosition } from './timecode'

describe('parsePosition', () => {
  it.each([
    ['83.5', 83.5],
    ['1:23.5', 83.5],
    ['00:01:23.500', 83.5],
    ['01:00:00', 3600],
    ['0', 0],
    ['.5', 0.5],
    ['83,5', 83.5],
    [' 12 ', 12],
    ['90:00', 5400],
  ])('reads %s as %d seconds', (text, time_s) => {
    expect(parsePosition(text)).toEqual({ kind: 'time', time_s })
  })

  it('reads a frame number', () => {
    expect(parsePosition('#4175')).toEqual({ kind: 'frame', n: 4175 })
  })

  it.each(['', '-1', '1:60', '1:60:00', 'abc', '1::2', '#', '#1.5', '1e3', 'Infinity', '9'.repeat(31)])(
    'refuses %j',
    (text) => {
      expect(parsePosition(text)).toBeNull()
    },
  )
})

describe('formatTimecode', () => {
  it.each([
    [0, '00:00:00.000'],
    [83.5, '00:01:23.500'],
    [3599.9999, '00:59:59.999'],
    [36000.04, '10:00:00.040'],
    [1.001, '00:00:01.001'],
  ])('writes %d as %s', (time_s, text) => {
    expect(formatTimecode(time_s)).toBe(text)
  })

  it('reads back what it wrote, to the millisecond', () => {
    for (let ms = 0; ms < 20_000; ms += 37) {
      expect(parsePosition(formatTimecode(ms / 1000))).toEqual({ kind: 'time', time_s: ms / 1000 })
    }
  })
})

describe('formatShortTime', () => {
  it.each([
    [5, '0:05'],
    [65.5, '1:05.50'],
    [3600, '1:00:00'],
    [0.04, '0:00.04'],
  ])('writes %d as %s', (time_s, text) => {
    expect(formatShortTime(time_s)).toBe(text)
  })
})

describe('floorMicroseconds', () => {
  it('keeps written decimals and cuts what lies below a microsecond', () => {
    expect(floorMicroseconds(50.02)).toBe(50_020_000)
    expect(floorMicroseconds(0.0000019)).toBe(1)
  })
})
