import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import type { Breaks, KeepAnswer, KeepChange, KeepHistory, Recording } from '@/api/types'

import { useKeep } from './keep'
import { useProposals } from './proposals'
import { useRecording } from './recording'

const FPS = 50

type Frames = [number, number][]

interface State {
  frames: Frames
  names: KeepHistory['steps'][number]['names']
}

/** A server that keeps one list and its history, as the real one does: a stale revision is refused. */
class FakeServer {
  pastStates: State[] = []
  now: State = { frames: [], names: [] }
  futureStates: State[] = []
  revision = 0
  failWith: number | null = null
  puts = 0
  imported: KeepAnswer['imported'] = null
  applies = true
  dismissed: [string, string][] = []

  get keep(): Frames {
    return this.now.frames
  }

  get past(): Frames[] {
    return this.pastStates.map((state) => state.frames)
  }

  get future(): Frames[] {
    return this.futureStates.map((state) => state.frames)
  }

  answer(): KeepHistory {
    const keepOf = (frames: Frames): KeepAnswer => ({
      keep: frames.map(([start, end]): [number, number] => [start / FPS, end / FPS]),
      keep_frames: frames,
      revision: this.revision,
      fingerprint: 'f',
      applies: this.applies,
      imported: this.imported,
    })
    const all = [...this.pastStates, this.now, ...this.futureStates]
    return {
      ...keepOf(this.keep),
      steps: all.map(({ frames, names }) => ({ ...keepOf(frames), label: '', saved_at: null, names })),
      total: all.length,
      position: this.past.length,
      can_undo: this.past.length > 0,
      can_redo: this.future.length > 0,
    }
  }

  save(frames: Frames, names: State['names'] = null): void {
    this.pastStates.push(this.now)
    this.futureStates = []
    this.now = { frames, names: names ?? this.now.names }
    this.revision += 1
  }

  step(kind: string): Response {
    const [from, to] = kind === 'undo' ? [this.pastStates, this.futureStates] : [this.futureStates, this.pastStates]
    const next = kind === 'undo' ? from.pop() : from.shift()
    if (!next) return this.failure(409, 'nothing_to_undo')
    if (kind === 'undo') to.unshift(this.now)
    else to.push(this.now)
    this.now = next
    this.revision += 1
    return Response.json(this.answer())
  }

  fetch = async (input: unknown, init?: RequestInit): Promise<Response> => {
    await Promise.resolve()
    const path = new URL(String(input)).pathname
    const body = init?.body ? (JSON.parse(String(init.body)) as KeepChange) : null
    if (path.endsWith('/breaks')) {
      if (init?.method === 'PUT') this.dismissed = (JSON.parse(String(init.body)) as { dismissed: [string, string][] }).dismissed
      return Response.json({ breaks: this.breaks(), total: 2, name: 'film.edl', format: 'edl' })
    }
    if (path.endsWith('/names')) return Response.json({ names: this.now.names ?? [], total: 0 })
    if (!body) return Response.json(this.answer())
    if (init?.method === 'PUT') this.puts += 1
    if (this.failWith !== null) return this.failure(this.failWith, 'library_offline')
    if (body.revision !== this.revision) return this.failure(409, 'stale_revision')
    if (path.endsWith('/undo') || path.endsWith('/redo')) return this.step(path.slice(-4))
    const number = (written: number | string): number => Number(String(written).slice(1))
    this.save(body.keep.map(([start, end]): [number, number] => [number(start), number(end)]), body.names as State['names'])
    return Response.json(this.answer())
  }

  breaks(): Breaks['breaks'] {
    return ([[0, 100], [200, 1000]] as const).map(([start_frame, end_frame]) => ({
      start_frame, end_frame, start_s: start_frame / FPS, end_s: end_frame / FPS, confidence: null, evidence: ['edl'],
      dismissed: this.dismissed.some(([start]) => start === `#${start_frame}`),
    }))
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
    localStorage.clear()
    server = new FakeServer()
  })

  it('saves by itself, each change as a step of its own', async () => {
    const keep = await open(server)
    keep.add({ start: 10, end: 20 })
    keep.add({ start: 30, end: 40 })
    expect(keep.state).toBe('saving')
    await vi.runAllTimersAsync()
    expect(keep.state).toBe('saved')
    expect(server.keep).toEqual([[10, 20], [30, 40]])
    expect(server.past).toEqual([[], [[10, 20]]])
  })

  it('undoes on the server, also what was done before the page was opened', async () => {
    server.save([[1, 2]])
    server.save([[1, 5]])
    const keep = await open(server)
    keep.add({ start: 10, end: 20 })
    keep.undo()
    keep.undo()
    await vi.runAllTimersAsync()
    expect(keep.list).toEqual([{ start: 1, end: 2 }])
    expect(server.keep).toEqual([[1, 2]])
    expect(server.future).toHaveLength(2)
    keep.redo()
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[1, 5]])
    expect([keep.canUndo, keep.canRedo]).toEqual([true, true])
  })

  it('takes no spans of the file that was there before a cut in place', async () => {
    server.save([[1, 900]])
    server.applies = false
    const keep = await open(server)
    expect(keep.list).toEqual([])
    expect([keep.canUndo, keep.canRedo]).toEqual([false, false])
    keep.add({ start: 10, end: 20 })
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[10, 20]])
  })

  it('names and divides in steps that are undone, also after a reload', async () => {
    const keep = await open(server)
    const halves = (label?: string) => [{ start: 10, end: 30 }, label ? { start: 30, end: 50, label } : { start: 30, end: 50 }]
    keep.add({ start: 10, end: 50 })
    keep.split(30)
    keep.label(1, 'second half')
    keep.label(1, 'the rest')
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[10, 50]])
    expect(server.puts).toBe(4)
    keep.remove(0)
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[30, 50]])
    await keep.load()
    expect(keep.list).toEqual([{ start: 30, end: 50, label: 'the rest' }])
    keep.undo()
    await vi.runAllTimersAsync()
    expect(keep.list).toEqual(halves('the rest'))
    keep.undo()
    await vi.runAllTimersAsync()
    expect(keep.list).toEqual(halves('second half'))
    await keep.load()
    expect(keep.list).toEqual(halves('second half'))
    keep.undo()
    keep.undo()
    await vi.runAllTimersAsync()
    expect(keep.list).toEqual([{ start: 10, end: 50 }])
    keep.redo()
    keep.redo()
    keep.redo()
    await vi.runAllTimersAsync()
    expect(keep.list).toEqual(halves('the rest'))
    expect([keep.canUndo, keep.canRedo]).toEqual([true, true])
  })

  it('puts a name on the list that somebody else saved meanwhile', async () => {
    server.save([[10, 50]])
    const keep = await open(server)
    server.save([[10, 60]])
    keep.label(0, 'Part one')
    await vi.runAllTimersAsync()
    expect(keep.conflict).toBeNull()
    expect(keep.list).toEqual([{ start: 10, end: 60, label: 'Part one' }])
    expect(server.now.names).toEqual([{ start_frame: 10, end_frame: 60, name: 'Part one' }])
    expect(keep.state).toBe('saved')
  })

  it('shows the other list after a conflict, and ours can be taken or put together with it', async () => {
    const keep = await open(server)
    server.save([[500, 600]])
    keep.add({ start: 10, end: 20 })
    await vi.runAllTimersAsync()
    expect(keep.list).toEqual([{ start: 500, end: 600 }])
    expect(keep.conflict?.mine).toEqual([{ start: 10, end: 20 }])
    expect(server.keep).toEqual([[500, 600]])
    // A reload does not lose it.
    await keep.load()
    keep.resolve('both')
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[10, 20], [500, 600]])
    expect(keep.conflict).toBeNull()
    await keep.load()
    expect(keep.conflict).toBeNull()
    keep.undo()
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[500, 600]])
  })

  it('takes over what another tab saved', async () => {
    const keep = await open(server)
    server.save([[1, 2]])
    await keep.onRemoteSave(server.revision)
    expect(keep.list).toEqual([{ start: 1, end: 2 }])
    expect(keep.canUndo).toBe(true)
    expect(server.puts).toBe(0)
  })

  it('saves nothing while something is dragged', async () => {
    const keep = await open(server)
    keep.add({ start: 10, end: 20 })
    await vi.runAllTimersAsync()
    keep.draw([{ start: 10, end: 30 }])
    expect(keep.list).toEqual([{ start: 10, end: 30 }])
    keep.settle(false)
    expect(keep.list).toEqual([{ start: 10, end: 20 }])
    keep.draw([{ start: 10, end: 40 }])
    keep.settle()
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[10, 40]])
    expect(server.puts).toBe(2)
  })

  it('tries again while the server cannot save, and loses nothing', async () => {
    const keep = await open(server)
    server.failWith = 503
    keep.add({ start: 10, end: 20 })
    await vi.advanceTimersByTimeAsync(1000)
    expect(keep.state).toBe('failed')
    keep.add({ start: 30, end: 40 })
    server.failWith = null
    await vi.advanceTimersByTimeAsync(4000)
    expect(keep.state).toBe('saved')
    expect(server.keep).toEqual([[10, 20], [30, 40]])
    expect(server.past).toHaveLength(2)
  })

  it('adds up what is kept and removed', async () => {
    const keep = await open(server)
    keep.add({ start: 100, end: 200 })
    expect(keep.kept_s).toBe(2)
    expect(keep.removed_s).toBe(18)
    expect(keep.keptFrames).toBe(100)
    await vi.runAllTimersAsync()
  })

  it('offers the cut list that lies beside the recording, and saves nothing of it', async () => {
    server.imported = {
      format: 'edl', name: 'film.edl', keep: [[2, 4]], keep_frames: [[100, 200]], labels: ['One'], notes: [],
    }
    const keep = await open(server)
    expect(keep.list).toEqual([])
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([])
    const proposals = useProposals()
    await proposals.load()
    expect(proposals.open).toHaveLength(2)
    proposals.acceptAll()
    expect(keep.list).toEqual([{ start: 100, end: 200, label: 'One' }])
    expect(proposals.open).toEqual([])
    await vi.runAllTimersAsync()
    expect(server.keep).toEqual([[100, 200]])
    // What is taken back is proposed again.
    keep.undo()
    await vi.runAllTimersAsync()
    expect(keep.list).toEqual([])
    expect(proposals.open).toHaveLength(2)
  })

  it('takes one proposed break, and dismisses another', async () => {
    const keep = await open(server)
    const proposals = useProposals()
    await proposals.load()
    const [first, second] = proposals.open
    if (!first || !second) throw new Error('nothing is proposed')
    proposals.accept(first)
    expect(keep.list).toEqual([{ start: 100, end: 1000 }])
    expect(proposals.open).toEqual([second])
    await proposals.dismiss(second)
    expect(server.dismissed).toEqual([['#200', '#1000']])
    expect(proposals.open).toEqual([])
    expect(proposals.dismissed).toBe(1)
    expect(keep.list).toEqual([{ start: 100, end: 1000 }])
    await proposals.bringBack()
    expect(proposals.open).toHaveLength(1)
    await vi.runAllTimersAsync()
  })
})
