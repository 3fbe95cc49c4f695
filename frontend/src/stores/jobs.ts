import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { cancelJob, listJobs, moveJob, prioritiseJob, retryJob } from '@/api/endpoints'
import type { Job, Priority } from '@/api/types'
import { isActive, overallPercent, sortJobs } from '@/domain/jobs'

/** All jobs the server knows, kept fresh by events. */
export const useJobs = defineStore('jobs', () => {
  const byId = ref(new Map<string, Job>())
  const drawer = ref(false)
  const listeners = new Set<(job: Job) => void>()

  const jobs = computed(() => sortJobs([...byId.value.values()]))
  const active = computed(() => jobs.value.filter(isActive))
  const running = computed(() => jobs.value.filter((job) => job.state === 'running'))
  const waiting = computed(() => jobs.value.filter((job) => job.state === 'queued'))
  const ended = computed(() => jobs.value.filter((job) => !isActive(job)))
  const percent = computed(() => overallPercent(jobs.value))

  function tell(before: Job | undefined, now: Job): void {
    if (before && isActive(before) && !isActive(now)) listeners.forEach((listener) => listener(now))
  }

  function apply(job: Job): void {
    const before = byId.value.get(job.id)
    byId.value = new Map(byId.value).set(job.id, job)
    tell(before, job)
  }

  async function load(): Promise<void> {
    const found = await listJobs()
    const before = byId.value
    byId.value = new Map(found.map((job) => [job.id, job]))
    found.forEach((job) => tell(before.get(job.id), job))
  }

  /** Calls for each job that was under way and is no more; answers what ends it. */
  function onEnded(listener: (job: Job) => void): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  function activeFor(recording: string): Job | undefined {
    return active.value.find((job) => job.recording === recording)
  }

  async function cancel(id: string): Promise<void> {
    apply(await cancelJob(id))
  }

  async function retry(id: string): Promise<Job> {
    const job = await retryJob(id)
    apply(job)
    return job
  }

  /** Gives a waiting job another place, counted from 1; all others move up or down. */
  async function move(id: string, position: number): Promise<void> {
    try {
      apply(await moveJob(id, { position }))
    } finally {
      await load()
    }
  }

  /** Makes a waiting job more or less urgent: it goes behind the last one that is as urgent. */
  async function prioritise(id: string, priority: Priority): Promise<void> {
    try {
      apply(await prioritiseJob(id, priority))
    } finally {
      await load()
    }
  }

  return {
    byId, jobs, active, running, waiting, ended, percent, drawer,
    apply, load, onEnded, activeFor, cancel, retry, move, prioritise,
  }
})
