import { computed, onScopeDispose, shallowRef, watch } from 'vue'

import { isAbort, toApiError, type ApiError } from '@/api/client'
import { planCut } from '@/api/endpoints'
import type { PlanAnswer } from '@/api/types'
import { useKeep, written } from '@/stores/keep'
import { useRecording } from '@/stores/recording'

const WAIT_MS = 350

/** What a cut of the present list would do; asked for again whenever the list has settled. */
export function usePlan() {
  const recording = useRecording()
  const keep = useKeep()
  const plan = shallowRef<PlanAnswer | null>(null)
  const error = shallowRef<ApiError | null>(null)
  /** Whether the plan is of an older list. */
  const stale = shallowRef(false)
  const wanted = computed(() => (recording.ready && keep.loaded && keep.settled.length > 0 ? keep.settled : null))
  let controller = new AbortController()
  let timer = 0

  async function load(): Promise<void> {
    const list = wanted.value
    if (!list) return
    controller.abort()
    controller = new AbortController()
    try {
      plan.value = await planCut(recording.id, { keep: written(list) }, controller.signal)
      error.value = null
      stale.value = wanted.value !== list
    } catch (caught) {
      if (!isAbort(caught)) error.value = toApiError(caught)
    }
  }

  watch(
    wanted,
    (list) => {
      window.clearTimeout(timer)
      controller.abort()
      stale.value = true
      if (list) timer = window.setTimeout(() => void load(), WAIT_MS)
      else plan.value = null
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    window.clearTimeout(timer)
    controller.abort()
  })

  return { plan, error, stale }
}

export type Plan = ReturnType<typeof usePlan>
