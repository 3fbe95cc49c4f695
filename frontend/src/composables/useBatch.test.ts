import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'

import type { CutOrder, Item } from '@/api/types'
import type { Pick } from '@/domain/picking'

import { useBatch } from './useBatch'

const picks: Pick[] = ['a', 'b', 'c', 'd', 'e'].map((recording) => ({
  item: { id: recording } as Item, recording, title: recording, size_bytes: 100, duration_s: 10,
}))
const order = { mode: 'exact', output: 'beside' } as CutOrder

let atOnce = 0
let most = 0

/** `b` changed, `c` is watched, `d` is taken by another job when it comes to it. */
async function server(input: unknown, init?: RequestInit): Promise<Response> {
  const [, , , recording, what] = new URL(String(input)).pathname.split('/')
  most = Math.max(most, (atOnce += 1))
  await new Promise((resolve) => setTimeout(resolve, 5))
  atOnce -= 1
  if (init?.signal?.aborted) throw new DOMException('given up', 'AbortError')
  const failure = (status: number, code: string): Response => Response.json({ error: { code, message: code, hint: '' } }, { status })
  if (recording === 'b') return failure(409, 'recording_changed')
  if (what === 'plan') return Response.json({ duration_s: 6, bytes: 60, warnings: [] })
  if (what === 'check') {
    const watched = { name: 'watching', ok: false, vital: false, code: 'recording_busy', message: 'watched', hint: '' }
    return Response.json({ ok: true, checks: recording === 'c' ? [watched] : [] })
  }
  if (!what) return Response.json({ duration_s: 11, size_bytes: null })
  if (recording === 'd') return failure(422, 'format_unsupported')
  return Response.json({ id: `job-${recording}`, recording, state: 'queued', percent: 0, created_at: 1 }, { status: 202 })
}

describe('a batch', () => {
  beforeEach(() => {
    setActivePinia(createPinia())
    vi.stubGlobal('fetch', server)
    atOnce = most = 0
  })

  it('looks at all, leaves out what cannot be cut, and goes on when one is refused', async () => {
    const batch = effectScope().run(() => useBatch(() => 'beside'))
    if (!batch) throw new Error('no scope')
    await batch.look(picks, order)
    expect(most).toBe(3)
    expect(batch.stage.value).toBe('ready')
    expect(batch.lines.value.map((line) => line.state)).toEqual(['fit', 'barred', 'fit', 'fit', 'fit'])
    expect(batch.lines.value[1]?.reason?.message).toBe('recording_changed')
    expect(batch.lines.value[2]?.warnings).toEqual(['watched'])
    expect(await batch.queue(order)).toEqual(['job-a', 'job-c', 'job-e'])
    expect(batch.lines.value.map((line) => line.state)).toEqual(['queued', 'barred', 'queued', 'refused', 'queued'])
    expect(batch.sum.value).toMatchObject({ queued: 3, refused: 1, barred: 1, cut_s: 18, raw_s: 33, raw_bytes: 300 })
  })

  it('forgets what it was looking at when the order changes', async () => {
    const batch = effectScope().run(() => useBatch(() => 'beside'))
    if (!batch) throw new Error('no scope')
    const first = batch.look(picks, order)
    const second = batch.look(picks.slice(0, 1), order)
    await Promise.all([first, second])
    expect(batch.lines.value.map((line) => [line.recording, line.state])).toEqual([['a', 'fit']])
  })
})
