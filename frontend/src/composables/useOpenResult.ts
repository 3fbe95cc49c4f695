import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'

import { getJobResult } from '@/api/endpoints'
import type { Job } from '@/api/types'
import { useJobs } from '@/stores/jobs'
import { useNotices } from '@/stores/notices'

/** Opens what a job made; where the library does not show it yet, says where it lies. */
export function useOpenResult() {
  const { t } = useI18n()
  const router = useRouter()
  const jobs = useJobs()
  const notices = useNotices()

  return async (job: Pick<Job, 'id'>): Promise<void> => {
    try {
      const { recording, path } = await getJobResult(job.id)
      if (recording) {
        jobs.drawer = false
        await router.push({ name: 'edit', params: { recording } })
      } else {
        jobs.drawer = true
        notices.say(path ? t('jobs.notShown', { path }) : t('jobs.noResult'))
      }
    } catch (caught) {
      jobs.drawer = true
      notices.fail(caught)
    }
  }
}
