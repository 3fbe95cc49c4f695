import type { Job } from '@/api/types'

/** What is told when jobs end. Pure. */

/** Jobs that were ordered together are told of together, when the last of them has ended. */
export type Batch = readonly string[]

/** The batches after one of their jobs ended: those that go on, and the one that is over with it. */
export function sift(batches: readonly Batch[], job: string, isOver: (job: string) => boolean): { left: Batch[]; over: Batch | null; known: boolean } {
  const own = batches.find((batch) => batch.includes(job))
  if (!own) return { left: [...batches], over: null, known: false }
  if (!own.every((one) => one === job || isOver(one))) return { left: [...batches], over: null, known: true }
  return { left: batches.filter((batch) => batch !== own), over: own, known: true }
}

export interface Alert {
  kind: 'finished' | 'failed' | 'several'
  /** The job that a click opens; null: the list of all. */
  job: Job | null
  finished: number
  failed: number
  titles: string[]
}

/** What to say of jobs that ended; null where nobody need be told: those that were cancelled, somebody cancelled. */
export function alertOf(jobs: readonly Job[]): Alert | null {
  const told = jobs.filter((job) => job.state === 'finished' || job.state === 'failed')
  const failed = told.filter((job) => job.state === 'failed').length
  const [first] = told
  if (!first) return null
  const common = { finished: told.length - failed, failed, titles: told.map((job) => job.title) }
  if (told.length > 1) return { ...common, kind: 'several', job: null }
  return { ...common, kind: failed ? 'failed' : 'finished', job: first }
}

/** The first few titles; `more` writes how many there are besides. */
export function someOf(titles: readonly string[], most: number, more: (n: number) => string): string {
  if (titles.length <= most) return titles.join(', ')
  return `${titles.slice(0, most).join(', ')}, ${more(titles.length - most)}`
}
