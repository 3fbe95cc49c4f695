import type { Job, PlanAnswer, PreCheck } from '@/api/types'

import type { Output } from './cut'
import type { Pick } from './picking'

/** Cuts of several recordings at once. Pure. */

export interface Reason {
  message: string
  hint: string
}

/** One recording of a batch: first looked at, then queued. */
export interface BatchLine extends Pick {
  /** `barred`: it cannot be cut, `reason` says why. `refused`: the queue did not take it. */
  state: 'looking' | 'fit' | 'barred' | 'queueing' | 'queued' | 'refused'
  plan: PlanAnswer | null
  warnings: string[]
  reason: Reason | null
  job: Job | null
}

export function lineOf(pick: Pick): BatchLine {
  return { ...pick, state: 'looking', plan: null, warnings: [], reason: null, job: null }
}

/** What was found out about a recording: it can be cut, or not. */
export function judged(line: BatchLine, plan: PlanAnswer, checks: readonly PreCheck[]): BatchLine {
  const wrong = checks.filter((check) => !check.ok)
  const vital = wrong.find((check) => check.vital) ?? null
  const warnings = [...plan.warnings, ...wrong.filter((check) => !check.vital).map(sentence)]
  return { ...line, plan, warnings, state: vital ? 'barred' : 'fit', reason: vital }
}

export function sentence({ message, hint }: Reason): string {
  return hint ? `${message}: ${hint}` : message
}

export interface BatchSum {
  lines: number
  looking: number
  fit: number
  barred: number
  queued: number
  refused: number
  /** Of those that can be cut: as they are, and as they will be. */
  raw_s: number
  cut_s: number
  raw_bytes: number
  cut_bytes: number
  /** What the originals take more than the results, once they are gone; 0 where they stay. */
  freed_bytes: number
}

export function sumUp(lines: readonly BatchLine[], output: Output): BatchSum {
  const count = (...states: BatchLine['state'][]): number => lines.filter((line) => states.includes(line.state)).length
  const counted = lines.filter((line) => line.plan && line.state !== 'barred' && line.state !== 'refused')
  const sum = (of: (line: BatchLine) => number | null | undefined): number =>
    counted.reduce((total, line) => total + (of(line) ?? 0), 0)
  const raw_bytes = sum((line) => line.size_bytes)
  const cut_bytes = sum((line) => line.plan?.bytes)
  return {
    lines: lines.length,
    looking: count('looking'),
    fit: count('fit'),
    barred: count('barred'),
    queued: count('queued'),
    refused: count('refused'),
    raw_s: sum((line) => line.duration_s),
    cut_s: sum((line) => line.plan?.duration_s),
    raw_bytes,
    cut_bytes,
    freed_bytes: output === 'replace' ? Math.max(0, raw_bytes - cut_bytes) : 0,
  }
}
