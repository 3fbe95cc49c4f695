import { expect, it } from 'vitest'

import type { Job, JobState } from '@/api/types'

import { overallPercent, resultPath, sortJobs } from './jobs'

function job(id: string, state: JobState, created_at: number, percent = 0): Job {
  return {
    id,
    kind: 'cut',
    state,
    title: id,
    recording: 'r',
    phase: '',
    percent,
    eta_s: null,
    created_at,
    started_at: null,
    ended_at: null,
    result: null,
    error: null,
    priority: 'normal',
    position: null,
    waiting: null,
    worker: null,
    attempts: 0,
    took_s: null,
    library: '',
    storage: '',
    section: null,
    raw_duration_s: null,
    cut_duration_s: null,
    keep: null,
    in_place: false,
    output_path: null,
    plex: null,
  }
}

it('shows what runs first, then what waits in order, then what ended, latest first', () => {
  const jobs = [job('old', 'finished', 1), job('new', 'failed', 5), job('b', 'queued', 4), job('a', 'queued', 3), job('r', 'running', 2)]
  expect(sortJobs(jobs).map((item) => item.id)).toEqual(['r', 'a', 'b', 'new', 'old'])
})

it('shows what waits in the order of the queue', () => {
  const first = { ...job('late', 'queued', 9), position: 1 }
  const second = { ...job('early', 'queued', 1), position: 2 }
  expect(sortJobs([second, first]).map((item) => item.id)).toEqual(['late', 'early'])
})

it('sums up the progress of what goes on', () => {
  expect(overallPercent([job('x', 'finished', 1, 100)])).toBeNull()
  expect(overallPercent([job('a', 'running', 1, 50), job('b', 'queued', 2, 0)])).toBe(25)
})

it('finds the path of the result', () => {
  const result = {
    path: '/x/a cut.ts', duration_s: 1, frames: 50, frames_copied: 40, frames_reencoded: 10, bytes: 9, seconds: 1,
    verified: true, seams: [], streams: [], checks: [], warnings: [],
  }
  expect(resultPath(job('a', 'finished', 1))).toBeNull()
  expect(resultPath({ ...job('a', 'finished', 1), result } )).toBe('/x/a cut.ts')
})
