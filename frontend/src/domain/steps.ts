/** Distances between the pictures of the strip. */

export interface StripStep {
  key: string
  /** Null: one frame. */
  seconds: number | null
}

export const STRIP_STEPS: readonly StripStep[] = [
  { key: 'frame', seconds: null },
  { key: 's1', seconds: 1 },
  { key: 's5', seconds: 5 },
  { key: 's10', seconds: 10 },
  { key: 's30', seconds: 30 },
  { key: 'm1', seconds: 60 },
  { key: 'm5', seconds: 300 },
]

/** A step that fits a recording of this length: about sixty of them make the whole. */
export function fittingStep(duration_s: number): StripStep {
  const wanted = duration_s / 60
  return STRIP_STEPS.findLast((step) => (step.seconds ?? 0) <= Math.max(1, wanted)) ?? { key: 's1', seconds: 1 }
}

/**
 * Where the strip's middle lies and how far its pictures are apart. Frame by frame the middle is taken half a frame
 * later, so that rounding never shows a frame twice.
 */
export function stripGrid(time_s: number, step: StripStep, fps: number): { pos_s: number; step_s: number } {
  const micro = (value: number): number => Math.round(value * 1e6) / 1e6
  if (step.seconds !== null) return { pos_s: time_s, step_s: step.seconds }
  return { pos_s: micro(time_s + 0.5 / fps), step_s: micro(1 / fps) }
}
