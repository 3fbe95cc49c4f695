/** Reading and writing times. Numbers end in their unit; a frame number is counted from 0. */

export type Position = { kind: 'time'; time_s: number } | { kind: 'frame'; n: number }

const TIMECODE = /^(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?|[.,]\d+)$/
const FRAME = /^#\s*(\d+)$/
const MAX_LENGTH = 30

/** Reads `83.5`, `1:23.5`, `00:01:23.500` or `#4175`; null if it is none of these. A decimal comma is taken too. */
export function parsePosition(written: string): Position | null {
  const text = written.trim()
  if (text.length > MAX_LENGTH) return null
  const frame = FRAME.exec(text)
  if (frame?.[1]) return { kind: 'frame', n: Number(frame[1]) }
  const found = TIMECODE.exec(text)
  if (!found) return null
  const seconds = Number((found[3] ?? '').replace(',', '.'))
  const minutes = Number(found[2] ?? 0)
  const hours = Number(found[1] ?? 0)
  if (found[2] !== undefined && seconds >= 60) return null
  if (found[1] !== undefined && minutes >= 60) return null
  const time_s = seconds + 60 * minutes + 3600 * hours
  return Number.isFinite(time_s) ? { kind: 'time', time_s } : null
}

/** Whole microseconds, rounded down; the tiny offset undoes the error of the binary fraction. */
export function floorMicroseconds(time_s: number): number {
  return Math.floor(time_s * 1e6 + 1e-3)
}

/** `HH:MM:SS.mmm`, rounded down, as the server writes it. */
export function formatTimecode(time_s: number, millis = true): string {
  const total_ms = Math.floor(floorMicroseconds(Math.max(0, time_s)) / 1000)
  const whole_s = Math.floor(total_ms / 1000)
  const parts = [Math.floor(whole_s / 3600), Math.floor(whole_s / 60) % 60, whole_s % 60]
  const text = parts.map((part) => String(part).padStart(2, '0')).join(':')
  return millis ? `${text}.${String(total_ms % 1000).padStart(3, '0')}` : text
}

/** A short time for the axis of a strip: no hours or fraction where there are none. */
export function formatShortTime(time_s: number): string {
  const text = formatTimecode(time_s).replace(/^00:/, '').replace(/^0(?=\d:)/, '')
  return text.endsWith('.000') ? text.slice(0, -4) : text.replace(/0$/, '')
}

/** A length as a clock shows it: `43:12`, `1:02:03`. */
export function formatLength(duration_s: number): string {
  const text = formatTimecode(Math.max(0, duration_s) + 0.5, false)
  return text.replace(/^00:/, '').replace(/^0(?=\d)/, '')
}
