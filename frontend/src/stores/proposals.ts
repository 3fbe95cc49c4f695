import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { dismissBreaks, getBreaks } from '@/api/endpoints'
import type { Breaks } from '@/api/types'
import { accepted, openBreaks } from '@/domain/proposals'

import { useKeep } from './keep'
import { useNotices } from './notices'
import { useRecording } from './recording'

type Break = Breaks['breaks'][number]

const sameBreak = (a: Break, b: Break): boolean => a.start_frame === b.start_frame && a.end_frame === b.end_frame

/** The breaks that are proposed for the open recording, by a cut list that lies beside it. */
export const useProposals = defineStore('proposals', () => {
  const recording = useRecording()
  const keep = useKeep()
  const notices = useNotices()
  const breaks = shallowRef<readonly Break[]>([])
  /** The file that proposes them. */
  const name = ref('')

  const open = computed(() => (keep.loaded ? openBreaks(breaks.value, keep.settled) : []))
  const dismissed = computed(() => breaks.value.filter((one) => one.dismissed).length)

  async function load(): Promise<void> {
    const wanted = recording.id
    // It was left again meanwhile.
    if (!wanted) return
    try {
      const found = await getBreaks(wanted)
      if (wanted !== recording.id) return
      for (const one of found.breaks) {
        recording.noteTime(one.start_frame, one.start_s)
        recording.noteTime(one.end_frame, one.end_s)
      }
      breaks.value = found.breaks
      name.value = found.name
    } catch (caught) {
      if (wanted === recording.id) notices.fail(caught)
    }
  }

  function forget(): void {
    breaks.value = []
    name.value = ''
  }

  function accept(one: Break): void {
    keep.change(accepted(keep.settled, [one], recording.frames))
  }

  /** Takes all of them; where nothing was decided before, the whole list with its names. */
  function acceptAll(): void {
    const { offered } = keep
    if (offered && keep.settled.length === 0 && open.value.length === breaks.value.length) keep.take(offered)
    else keep.change(accepted(keep.settled, open.value, recording.frames))
  }

  async function setDismissed(those: readonly Break[]): Promise<void> {
    const wanted = recording.id
    const before = breaks.value
    breaks.value = before.map((one) => ({ ...one, dismissed: those.some((other) => sameBreak(one, other)) }))
    try {
      const answer = await dismissBreaks(wanted, those.map((one) => [`#${one.start_frame}`, `#${one.end_frame}`]))
      if (wanted === recording.id) breaks.value = answer.breaks
    } catch (caught) {
      if (wanted !== recording.id) return
      breaks.value = before
      notices.fail(caught)
    }
  }

  const away = (): Break[] => breaks.value.filter((one) => one.dismissed)

  return {
    breaks, name, open, dismissed, load, forget, accept, acceptAll,
    dismiss: (one: Break) => setDismissed([...away(), one]),
    dismissAll: () => setDismissed([...away(), ...open.value]),
    bringBack: () => setDismissed([]),
  }
})
