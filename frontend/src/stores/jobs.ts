import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { cancelJob, listJobs, moveJob, retryJob } from '@/api/endpoints'
import type { Job } from '@/api/types'
import { isActive, overallPercent, sortJobs } from '@/domain/jobs'

/** All jobs the server knows, kept fresh by events. */
export const useJobs = defineStore('jobs', () => {
  const byId = ref(new Map<string, Job>())
  const drawer = ref(false)

  const jobs = computed(() => sortJobs([...byId.value.values()]))
  const active = computed(() => jobs.value.filter(isActive))
  const percent = computed(() => overallPercent(jobs.value))

  function apply(job: Job): void {
    byId.value = new Map(byId.value).set(job.id, job)
  }

  async function load(): Promise<void> {
    byId.value = new Map((await listJobs()).map((job) => [job.id, job]))
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

  /** Makes a waiting job the next one. */
  async function first(id: string): Promise<void> {
    apply(await moveJob(id, { position: 1 }))
    await load()
  }

  return { byId, jobs, active, percent, drawer, apply, load, activeFor, cancel, retry, first }
})
