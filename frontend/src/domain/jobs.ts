import type { Job } from '@/api/types'

export function isActive(job: Job): boolean {
  return job.state === 'queued' || job.state === 'running'
}

/** Running jobs first, then the waiting in their order, then the ended, the latest first. */
export function sortJobs(jobs: readonly Job[]): Job[] {
  const rank = (job: Job): number => (job.state === 'running' ? 0 : job.state === 'queued' ? 1 : 2)
  return [...jobs].sort((a, b) => {
    if (rank(a) !== rank(b)) return rank(a) - rank(b)
    if (rank(a) !== 1) return b.created_at - a.created_at
    return (a.position ?? Infinity) - (b.position ?? Infinity) || a.created_at - b.created_at
  })
}

/** The part of all active jobs that is done, 0 to 100; null if nothing is going on. */
export function overallPercent(jobs: readonly Job[]): number | null {
  const active = jobs.filter(isActive)
  if (active.length === 0) return null
  return active.reduce((sum, job) => sum + job.percent, 0) / active.length
}

/** The path of the file that a finished cut wrote; null without one. */
export function resultPath(job: Job): string | null {
  return job.result?.path ?? null
}
