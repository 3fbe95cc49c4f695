import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { Job, JobState } from '@/api/types'

import { useAlerts } from './alerts'
import { useJobs } from './jobs'

interface Shown {
  title: string
  body: string
  onclick?: () => void
  close: () => void
}

let shown: Shown[] = []
let asked = 0
let answer: NotificationPermission = 'granted'
let stop: () => void = () => undefined

class FakeNotification {
  static permission: NotificationPermission = 'default'
  body: string
  constructor(readonly title: string, options: NotificationOptions) {
    this.body = options.body ?? ''
    shown.push(this as unknown as Shown)
  }
  readonly close = (): void => undefined
  static async requestPermission(): Promise<NotificationPermission> {
    asked += 1
    FakeNotification.permission = answer
    return Promise.resolve(answer)
  }
}

function job(id: string, state: JobState, more: Partial<Job> = {}): Job {
  return { id, title: `Film ${id}`, state, percent: 0, created_at: 1, recording: id, result: null, error: null, ...more } as Job
}

function look(at: 'visible' | 'hidden'): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(at)
}

function end(id: string, state: JobState, more: Partial<Job> = {}): void {
  useJobs().apply(job(id, 'running'))
  useJobs().apply(job(id, state, more))
}

function begin() {
  const alerts = useAlerts()
  stop = alerts.start()
  return alerts
}

describe('notifications', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    localStorage.clear()
    shown = []
    asked = 0
    answer = 'granted'
    FakeNotification.permission = 'default'
    vi.stubGlobal('Notification', FakeNotification)
    vi.stubGlobal('isSecureContext', true)
    setActivePinia(createPinia())
    look('hidden')
  })

  afterEach(() => stop())

  it('come only when somebody asked for them, and are remembered', async () => {
    const alerts = begin()
    end('a', 'finished')
    await vi.runAllTimersAsync()
    expect([shown.length, asked]).toEqual([0, 0])
    await alerts.switchTo(true)
    expect([alerts.on, asked]).toEqual([true, 1])
    setActivePinia(createPinia())
    expect([useAlerts().on, asked]).toEqual([true, 1])
    await useAlerts().switchTo(false)
    setActivePinia(createPinia())
    expect(useAlerts().on).toBe(false)
  })

  it('do not come where the browser forbids them', async () => {
    answer = 'denied'
    const alerts = begin()
    await alerts.switchTo(true)
    expect([alerts.on, alerts.permission]).toEqual([false, 'denied'])
  })

  it('tell of one job, and a click opens it', async () => {
    const alerts = begin()
    await alerts.switchTo(true)
    end('a', 'finished', { result: { duration_s: 1865, bytes: 1_900_000_000 } as Job['result'] })
    await vi.runAllTimersAsync()
    expect(shown.map(({ title, body }) => [title, body])).toEqual([['Cut: Film a', '31\u00a0min 5\u00a0s · 1.9\u00a0GB']])
    shown[0]?.onclick?.()
    expect(alerts.clicked).toEqual({ job: 'a' })
    end('b', 'failed', { error: { code: 'disk_full', message: 'the disk is full', hint: '' } })
    end('c', 'cancelled')
    await vi.runAllTimersAsync()
    expect(shown.map(({ title, body }) => [title, body])[1]).toEqual(['Not cut: Film b', 'the disk is full'])
    shown[1]?.onclick?.()
    expect(alerts.clicked).toEqual({ job: null })
  })

  it('do not come while the page is looked at', async () => {
    const alerts = begin()
    await alerts.switchTo(true)
    look('visible')
    end('a', 'finished')
    await vi.runAllTimersAsync()
    expect(shown).toEqual([])
  })

  it('tell of a batch once, also of what ended while it was being queued', async () => {
    const alerts = begin()
    await alerts.switchTo(true)
    await alerts.together(async () => {
      end('a', 'finished')
      await Promise.resolve()
      useJobs().apply(job('b', 'queued'))
      useJobs().apply(job('c', 'queued'))
      return ['a', 'b', 'c']
    })
    await vi.runAllTimersAsync()
    expect(shown).toEqual([])
    end('b', 'failed')
    await vi.runAllTimersAsync()
    expect(shown).toEqual([])
    end('c', 'finished')
    await vi.runAllTimersAsync()
    expect(shown.map(({ title, body }) => [title, body])).toEqual([
      ['2 recordings cut, one failed', 'Film a, Film b, Film c'],
    ])
  })

  it('put together what ends at once', async () => {
    const alerts = begin()
    await alerts.switchTo(true)
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) end(id, 'finished')
    await vi.runAllTimersAsync()
    expect(shown.map(({ title, body }) => [title, body])).toEqual([
      ['6 recordings cut', 'Film a, Film b, Film c, Film d, and 2 more'],
    ])
  })

  it('go through the service worker where a page may not show them', async () => {
    const told: unknown[] = []
    class Forbidden extends FakeNotification {
      constructor() {
        super('', {})
        shown.pop()
        throw new TypeError('Illegal constructor')
      }
    }
    vi.stubGlobal('Notification', Forbidden)
    const register = (path: string) => Promise.resolve({
      showNotification: (title: string, options: unknown) => told.push([path.split('/').at(-1), title, options]),
    })
    vi.stubGlobal('navigator', Object.assign(Object.create(navigator) as Navigator, {
      serviceWorker: { register, addEventListener: () => undefined, removeEventListener: () => undefined },
    }))
    const alerts = begin()
    await alerts.switchTo(true)
    end('a', 'finished')
    await vi.runAllTimersAsync()
    expect(told).toMatchObject([['notify.js', 'Cut: Film a', { data: { job: 'a' } }]])
  })
})
