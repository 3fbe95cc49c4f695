/** The speeds of J and L: each press is faster in its direction, or slower against the other. */

const SPEEDS = [-8, -4, -2, -1, 0, 1, 2, 4, 8]

export function nextRate(rate: number, direction: 1 | -1): number {
  if (rate === 0) return direction
  const at = SPEEDS.indexOf(rate)
  const next = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, (at < 0 ? 4 : at) + direction))] ?? direction
  // From slow motion through standing still is one press too many.
  return next === 0 ? direction : next
}
