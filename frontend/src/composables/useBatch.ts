import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import { isAbort, toApiError } from '@/api/client'
import { checkCut, getRecording, planCut, startCut } from '@/api/endpoints'
import type { CutOrder } from '@/api/types'
import { judged, lineOf, sumUp, type BatchLine } from '@/domain/batch'
import type { Output } from '@/domain/cut'
import type { Pick } from '@/domain/picking'
import { told, warned } from '@/plugins/told'
import { useJobs } from '@/stores/jobs'

/** So many recordings are looked at at a time. */
const AT_ONCE = 3

/** Several recordings with their saved keep lists: looked at, then queued one after the other. */
export function useBatch(output: () => Output) {
  const jobs = useJobs()
  const lines = shallowRef<BatchLine[]>([])
  const stage = ref<'looking' | 'ready' | 'queueing' | 'done'>('looking')
  const sum = computed(() => sumUp(lines.value, output()))
  let controller = new AbortController()

  function put(line: BatchLine): void {
    lines.value = lines.value.map((one) => (one.recording === line.recording ? line : one))
  }

  async function lookAt(line: BatchLine, order: CutOrder, signal: AbortSignal): Promise<void> {
    try {
      const plan = await planCut(line.recording, order, signal)
      const checks = (await checkCut(line.recording, order, signal)).map((check) => ({ ...check, ...told({ ...check, code: check.ok ? null : check.name }, 'check') }))
      // A library may know neither: the file itself does, now that it is indexed.
      const { duration_s, size_bytes } = await getRecording(line.recording, signal)
      if (signal.aborted) return
      const known = { duration_s: duration_s ?? line.duration_s, size_bytes: size_bytes ?? line.size_bytes }
      put(judged({ ...line, ...known }, { ...plan, warnings: plan.warnings.map(warned) }, checks))
    } catch (caught) {
      if (isAbort(caught) || signal.aborted) return
      put({ ...line, state: 'barred', reason: toApiError(caught) })
    }
  }

  /** Looks what a cut would do to each, and what stands in its way. */
  async function look(picked: readonly Pick[], order: CutOrder): Promise<void> {
    controller.abort()
    controller = new AbortController()
    const { signal } = controller
    stage.value = 'looking'
    lines.value = picked.map(lineOf)
    const waiting = [...lines.value]
    const work = async (): Promise<void> => {
      for (let line = waiting.shift(); line && !signal.aborted; line = waiting.shift()) await lookAt(line, order, signal)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    if (!signal.aborted) stage.value = 'ready'
  }

  /** Queues all that can be cut; one that is refused does not keep the others. Answers the jobs' ids. */
  async function queue(order: CutOrder): Promise<string[]> {
    stage.value = 'queueing'
    const ids: string[] = []
    for (const line of lines.value.filter((one) => one.state === 'fit')) {
      put({ ...line, state: 'queueing' })
      try {
        const job = await startCut(line.recording, order)
        // An event about it may have come before this answer, and knows more.
        if (!jobs.byId.has(job.id)) jobs.apply(job)
        ids.push(job.id)
        put({ ...line, state: 'queued', job })
      } catch (caught) {
        put({ ...line, state: 'refused', reason: toApiError(caught) })
      }
    }
    stage.value = 'done'
    return ids
  }

  function stop(): void {
    controller.abort()
  }

  onScopeDispose(stop)

  return { lines, stage, sum, look, queue, stop }
}
