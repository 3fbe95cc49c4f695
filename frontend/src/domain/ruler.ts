/** Where the ruler of a time line has its ticks. */

import type { Clock } from './clock'
import { formatShortTime, formatTimecode } from './timecode'
import type { View } from './view'

export interface Tick {
  frame: number
  /** Empty on the small ticks between. */
  label: string
}

const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]
const STEPS_FRAMES = [1, 2, 5, 10, 20]
const LABEL_PX = 96
const LEAST_MINOR_PX = 9

function minorOf(step: number): number {
  return [5, 4, 3, 2].find((parts) => Number.isInteger(Math.round((step / parts) * 1e6) / 1e5)) ?? 1
}

/** Ticks at round times; from close by, at frame numbers. */
export function ticksOf(view: View, width: number, clock: Clock, total: number): Tick[] {
  const first = Math.max(0, Math.floor(view.start))
  const last = Math.min(total, Math.ceil(view.start + view.span))
  const frame_px = width / view.span
  const frames = STEPS_FRAMES.find((step) => step * frame_px >= LABEL_PX * 0.8)
  if (frames !== undefined && frame_px >= 6) return frameTicks(first, last, frames)
  const second_px = width / Math.max(1e-6, clock.timeOf(view.start + view.span) - clock.timeOf(view.start))
  const step_s = STEPS_S.find((step) => step * second_px >= LABEL_PX) ?? STEPS_S.at(-1) ?? 3600
  const parts = minorOf(step_s)
  const minor_s = (step_s / parts) * second_px >= LEAST_MINOR_PX ? step_s / parts : step_s
  const ticks: Tick[] = []
  const from = Math.floor(clock.timeOf(first) / minor_s)
  const to = Math.ceil(clock.timeOf(last) / minor_s)
  for (let at = from; at <= to; at += 1) {
    const time_s = at * minor_s
    const major = Math.abs(time_s / step_s - Math.round(time_s / step_s)) < 1e-6
    ticks.push({ frame: clock.frameAt(time_s), label: major ? timeLabel(time_s, step_s) : '' })
  }
  return ticks
}

function timeLabel(time_s: number, step_s: number): string {
  if (step_s < 1) return formatShortTime(Math.round(time_s * 1000) / 1000)
  const text = formatTimecode(time_s + 0.0005, false)
  return text.startsWith('00:') ? text.slice(3) : text.replace(/^0/, '')
}

function frameTicks(first: number, last: number, step: number): Tick[] {
  const ticks: Tick[] = []
  for (let frame = Math.ceil(first / step) * step; frame <= last; frame += step) ticks.push({ frame, label: `#${frame}` })
  return ticks
}
