import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { address } from '@/api/client'
import { told } from '@/plugins/told'
import type { Job } from '@/api/types'
import { alertOf, sift, someOf, type Alert, type Batch } from '@/domain/alerts'
import { formatBytes, formatDuration } from '@/domain/format'
import { isActive } from '@/domain/jobs'
import { i18n } from '@/plugins/i18n'

import { useJobs } from './jobs'

const STORED = 'plexcut.alerts'
const STORED_BATCHES = 'plexcut.alerts.batches'
/** Jobs that end within so long of each other are told of together. */
const TOGETHER_MS = 1_500
/** So long other pages have to say that one of them is being looked at. */
const ANSWER_MS = 150
const TITLES = 4

function read<T>(name: string, otherwise: T): T {
  try {
    return (JSON.parse(localStorage.getItem(name) ?? 'null') as T | null) ?? otherwise
  } catch {
    return otherwise
  }
}

function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value))
  } catch {
    // A browser that keeps nothing: it holds for as long as the page is open.
  }
}

/** Notifications of the browser when jobs end, for whoever switched them on, and only while nobody looks at the page. */
export const useAlerts = defineStore('alerts', () => {
  const jobs = useJobs()
  const supported = 'Notification' in window && window.isSecureContext
  const wanted = ref(read(STORED, false))
  const permission = ref<NotificationPermission>(supported ? Notification.permission : 'denied')
  /** What a click on a notification asks for: a job's result, or (null) the list of jobs. */
  const clicked = shallowRef<{ job: string | null } | null>(null)
  const on = computed(() => supported && wanted.value && permission.value === 'granted')
  const single: Job[] = []
  let timer = 0
  let queueing = 0
  const heldBack: Job[] = []
  let channel: BroadcastChannel | null = null
  /** Of several pages that are open one speaks. */
  const locks = navigator.locks as LockManager | null | undefined
  let speaks = !locks

  async function switchTo(value: boolean): Promise<void> {
    if (value && supported && permission.value !== 'granted') permission.value = await Notification.requestPermission()
    wanted.value = value && permission.value === 'granted'
    write(STORED, wanted.value)
  }

  function refresh(): void {
    if (supported) permission.value = Notification.permission
  }

  /** What is queued by `work` (which answers the jobs' ids) is told of together. */
  async function together(work: () => Promise<string[]>): Promise<void> {
    queueing += 1
    try {
      const ids = await work()
      if (ids.length > 1) write(STORED_BATCHES, [...read<Batch[]>(STORED_BATCHES, []).slice(-20), ids])
    } finally {
      queueing -= 1
      // What ended before it was known to belong to them.
      if (queueing === 0) heldBack.splice(0).forEach(onEnded)
    }
  }

  function isOver(id: string): boolean {
    const job = jobs.byId.get(id)
    return job === undefined || !isActive(job)
  }

  function onEnded(job: Job): void {
    if (queueing > 0) {
      heldBack.push(job)
      return
    }
    if (!speaks) return
    const { left, over, known } = sift(read<Batch[]>(STORED_BATCHES, []), job.id, isOver)
    if (over) {
      write(STORED_BATCHES, left)
      void tell(over.flatMap((id) => jobs.byId.get(id) ?? []))
    } else if (!known) {
      single.push(job)
      window.clearTimeout(timer)
      timer = window.setTimeout(() => void tell(single.splice(0)), TOGETHER_MS)
    }
  }

  const isLookedAt = (): boolean => document.visibilityState === 'visible'

  /** Whether another page of plexcut is being looked at in this browser. */
  async function otherIsLookedAt(): Promise<boolean> {
    if (!channel) return false
    const asked = channel
    return new Promise((resolve) => {
      const answered = (event: MessageEvent): void => {
        if (event.data === 'here') done(true)
      }
      const done = (found: boolean): void => {
        asked.removeEventListener('message', answered)
        resolve(found)
      }
      asked.addEventListener('message', answered)
      asked.postMessage('anyone?')
      window.setTimeout(() => done(false), ANSWER_MS)
    })
  }

  async function tell(ended: readonly Job[]): Promise<void> {
    const alert = alertOf(ended)
    if (!alert || !on.value || isLookedAt() || (await otherIsLookedAt())) return
    await show(alert)
  }

  function wordsOf({ kind, job, finished, failed, titles }: Alert): { title: string; body: string } {
    const { t, locale } = i18n.global
    if (kind === 'several') {
      const done = finished > 0 ? [t('alerts.finishedCount', { n: finished }, finished)] : []
      const bad = failed > 0 ? [t('alerts.failedCount', { n: failed }, failed)] : []
      return { title: [...done, ...bad].join(', '), body: someOf(titles, TITLES, (n) => t('batch.more', { n })) }
    }
    const title = t(`alerts.${kind}`, { title: job?.title ?? '' })
    if (kind === 'failed') return { title, body: job?.error ? told(job.error).message : '' }
    const facts = job?.result ? [formatDuration(job.result.duration_s), formatBytes(job.result.bytes, locale.value)] : []
    return { title, body: facts.join(' · ') }
  }

  async function show(alert: Alert): Promise<void> {
    const { title, body } = wordsOf(alert)
    const opens = alert.kind === 'finished' ? (alert.job?.id ?? null) : null
    const tag = `plexcut-${alert.job?.id ?? alert.titles.join('|')}`
    const options: NotificationOptions = { body, tag, icon: address('icon-192.png') }
    try {
      const notification = new Notification(title, options)
      notification.onclick = () => {
        window.focus()
        notification.close()
        clicked.value = { job: opens }
      }
    } catch {
      // Android lets only a service worker show them.
      const worker = await navigator.serviceWorker.register(address('notify.js'))
      const url = address(opens ? `?job=${encodeURIComponent(opens)}` : '?job=')
      await worker.showNotification(title, { ...options, data: { job: opens, url } })
    }
  }

  /** Listens for as long as the page is open; answers what ends it. */
  function start(): () => void {
    if ('BroadcastChannel' in window) {
      channel = new BroadcastChannel('plexcut.alerts')
      channel.addEventListener('message', (event) => {
        if (event.data === 'anyone?' && isLookedAt()) channel?.postMessage('here')
      })
    }
    const onMessage = (event: MessageEvent): void => {
      const data = event.data as { kind?: string; job?: string | null }
      if (data.kind === 'plexcut.alert') clicked.value = { job: data.job ?? null }
    }
    navigator.serviceWorker?.addEventListener('message', onMessage)
    const stop = jobs.onEnded(onEnded)
    const ended = new AbortController()
    if (locks) {
      const speak = (): Promise<void> =>
        new Promise((resolve) => {
          speaks = true
          ended.signal.addEventListener('abort', () => resolve())
        })
      locks.request('plexcut.alerts', { signal: ended.signal }, speak).catch(() => undefined)
    }
    return () => {
      stop()
      ended.abort()
      window.clearTimeout(timer)
      navigator.serviceWorker?.removeEventListener('message', onMessage)
      channel?.close()
      channel = null
    }
  }

  return { supported, permission, on, clicked, switchTo, refresh, together, start }
})
