import { onBeforeUnmount, onMounted, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import { useAlerts } from '@/stores/alerts'
import { useJobs } from '@/stores/jobs'

import { useOpenResult } from './useOpenResult'

/** Notifications when jobs end, and where a click on one leads: to the result, or to the list of jobs. */
export function useJobAlerts(): void {
  const alerts = useAlerts()
  const jobs = useJobs()
  const route = useRoute()
  const router = useRouter()
  const openResult = useOpenResult()
  let stop: (() => void) | null = null

  function lead(job: string | null): void {
    if (job) void openResult({ id: job })
    else jobs.drawer = true
  }

  watch(
    () => alerts.clicked,
    (asked) => asked && lead(asked.job),
  )
  // A click where no page was open any more opens one with this in its address.
  watch(
    () => route.query['job'],
    (job) => {
      if (typeof job !== 'string') return
      const query = { ...route.query }
      delete query['job']
      void router.replace({ query }).then(() => lead(job || null))
    },
    { immediate: true },
  )

  onMounted(() => {
    stop = alerts.start()
  })
  onBeforeUnmount(() => stop?.())
}
