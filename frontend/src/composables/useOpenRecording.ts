import { computed, onBeforeUnmount, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { onBeforeRouteLeave, useRoute, useRouter, type RouteLocationRaw } from 'vue-router'

import { parsePosition } from '@/domain/timecode'
import { useConnection } from '@/stores/connection'
import { useJobs } from '@/stores/jobs'
import { useKeep } from '@/stores/keep'
import { useNotices } from '@/stores/notices'
import { useProposals } from '@/stores/proposals'
import { useRecording } from '@/stores/recording'

import type { Marks } from './useMarks'
import type { Player } from './usePlayer'
import { useSelectionFollow } from './useSelectionFollow'

const REMEMBER_AFTER_MS = 600

/** Opens the recording that the address names, at its place; the address follows where one goes. */
export function useOpenRecording(player: Player, marks: Marks) {
  const { t } = useI18n()
  const route = useRoute()
  const router = useRouter()
  const recording = useRecording()
  const keep = useKeep()
  const proposals = useProposals()
  const connection = useConnection()
  const notices = useNotices()
  const jobs = useJobs()
  const id = computed(() => String(route.params['recording'] ?? ''))
  let rememberTimer = 0

  const back = computed<RouteLocationRaw>(() => {
    const item = recording.item
    if (!item) return { name: 'home' }
    if (item.show) return { name: 'show', params: { item: item.show }, query: item.parent ? { season: item.parent } : {} }
    return { name: 'section', params: { library: item.library, section: item.section } }
  })

  async function open(): Promise<void> {
    await keep.flush()
    keep.close()
    proposals.forget()
    marks.drop()
    const wanted = id.value
    const loading = recording.open(wanted)
    player.open()
    player.goTo(parsePosition(String(route.query['t'] ?? '')) ?? { kind: 'time', time_s: 0 })
    await loading
    if (wanted === id.value) await loadKeep()
  }

  async function loadKeep(): Promise<void> {
    if (keep.loaded || !recording.ready) return
    try {
      await keep.load()
      await proposals.load()
    } catch (caught) {
      notices.fail(caught)
    }
  }

  useSelectionFollow()
  watch(id, () => id.value && void open(), { immediate: true })
  watch(() => recording.ready, () => void loadKeep())
  // Another file: the place in the one before may lie behind its end.
  watch(() => recording.changes, async () => {
    await router.replace({ query: { ...route.query, t: undefined } })
    await open()
  })
  watch(
    () => jobs.jobs.filter((job) => job.recording === id.value && job.in_place && job.state === 'finished').length,
    (now, before) => {
      if (now > before) recording.lookAgain(id.value)
    },
  )
  watch(() => connection.lastKeep, (event) => {
    if (event?.recording === id.value) void keep.onRemoteSave(event.revision)
  })
  // Events that were missed while the connection was gone.
  watch(() => connection.live, (live) => {
    if (live && keep.loaded) void keep.refresh()
  })
  watch(() => keep.replaced, () => {
    if (!keep.conflict) notices.say(t('spans.replaced'))
  })
  watch(() => recording.heading, (title) => {
    document.title = title ? `${title} · plexcut` : 'plexcut'
  })

  // The address names the place, so that a reload or a shared link comes back to it.
  watch(() => player.shown.value?.time_s, (time_s) => {
    window.clearTimeout(rememberTimer)
    if (time_s == null) return
    rememberTimer = window.setTimeout(() => {
      if (route.name === 'edit') void router.replace({ query: { ...route.query, t: String(time_s) } })
    }, REMEMBER_AFTER_MS)
  })

  onBeforeRouteLeave(() => keep.flush())
  onBeforeUnmount(() => {
    window.clearTimeout(rememberTimer)
    keep.close()
    proposals.forget()
    recording.close()
    document.title = 'plexcut'
  })

  return { back }
}
