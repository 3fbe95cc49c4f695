import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import type { KeepAnswer, KeepChange, Recording } from '@/api/types'

import { useKeep } from './keep'
import { useRecording } from './recording'

const FPS = 50

/** A server that keeps one list, as the real one does: a stale revision is refused. */
class FakeServer {
  keep: [number, number][] = []
  revision = 0
  failWith: number | null = null
  puts = 0

  answer(): KeepAnswer {
    return {
      keep: this.keep.map(([start, end]): [number, number] => [start / FPS, end / FPS]),
      keep_frames: this.keep,
      revision: this.revision,
      fingerprint: 'f',
      imported: null,
    }
  }

  save(keep: [number, number][]): void {
    this.keep = keep
    this.revision += 1
  }

  fetch = (_input: unknown, init?: RequestInit): Promise<Response> => {
    if (init?.method !== 'PUT') return Promise.resolve(Response.json(this.answer()))
    this.puts += 1
    const status = this.failWith
    if (status !== null) return Promise.resolve(this.failure(status, 'library_offline'))
    const body = JSON.parse(String(init.body)) as KeepChange
    if (body.revision !== this.revision) return Promise.resolve(this.failure(409, 'stale_revision'))
    const number = (written: number | string): number => Number(String(written).slice(1))
    this.save(body.keep.map(([start, end]): [number, number] => [number(start), number(end)]))
    return Promise.resolve(Response.json(this.answer()))
  }

  private failure(status: number, code: string): Response {
    return Response.json({ error: { code, message: code, hint: '' } }, { status })
  }
}

async function open(server: FakeServer) {
  vi.stubGlobal('fetch', server.fetch)
  const recording = useRecording()
  recording.id = 'r'
  recording.info = { id: 'r', frames: 1000, fps: FPS, duration_s: 20, fingerprint: 'f' } as Recording
  const keep = useKeep()
  await keep.load()
  return keep
}

describe('the keep list', () => {
  let server: FakeServer

  beforeEach(() => {
    vi.useFakeTimers()
    setActivePinia(createPinia())
    server = new FakeServer()
  })

  it('saves by itself, several changes at once', async () => {
    const keep = await open(server)
    keep.add({ start: 10, end: 20 })
    keep.add({ start: 30, end: 40 })
    expect(keep.state).toBe('waiting')
    await vi.runAllTimersAsync()
    expect(keep.state).toBe('saved')
    expect(server.keep).toEqual([[10, 20], [30, 40]])
    expect(server.puts).toBe(1)
  })

  it('saves what undo brings back', async () => {
    const keep = await open(server)
    keep.add({ start: 10, end: 20 })
    await vi.runAllTimersAsync()
    keep.clear()
    keep.undo()
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[10, 20]])
    expect(keep.canRedo).toBe(true)
  })

  it('shows the other list after a conflict, and has ours one undo away', async () => {
    const keep = await open(server)
    server.save([[500, 600]])
    keep.add({ start: 10, end: 20 })
    await vi.runAllTimersAsync()
    expect(keep.list).toEqual([{ start: 500, end: 600 }])
    expect(keep.replaced).toBe(1)
    expect(server.keep).toEqual([[500, 600]])
    keep.undo()
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[10, 20]])
  })

  it('takes over what another tab saved', async () => {
    const keep = await open(server)
    server.save([[1, 2]])
    await keep.onRemoteSave(server.revision)
    expect(keep.list).toEqual([{ start: 1, end: 2 }])
    expect(server.puts).toBe(0)
  })

  it('tries again while the server cannot save, and loses nothing', async () => {
    const keep = await open(server)
    server.failWith = 503
    keep.add({ start: 10, end: 20 })
    await vi.advanceTimersByTimeAsync(1000)
    expect(keep.state).toBe('failed')
    server.failWith = null
    await vi.advanceTimersByTimeAsync(4000)
    expect(keep.state).toBe('saved')
    expect(server.keep).toEqual([[10, 20]])
  })

  it('adds up what is kept and removed', async () => {
    const keep = await open(server)
    keep.add({ start: 100, end: 200 })
    expect(keep.kept_s).toBe(2)
    expect(keep.removed_s).toBe(18)
    expect(keep.keptFrames).toBe(100)
    await vi.runAllTimersAsync()
  })
})
