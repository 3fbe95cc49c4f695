import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'

import type { Recording } from '@/api/types'
import { useRecording } from '@/stores/recording'

import { usePlayer } from './usePlayer'

const FPS = 50
const FRAMES = 1000

interface Asked {
  frame: number
  aborted: boolean
}

/** Answers pictures after a while, and notes which requests were cancelled. */
function fakeFrames(delay_ms: number): Asked[] {
  const asked: Asked[] = []
  vi.stubGlobal('fetch', (input: string, init: RequestInit) => {
    const query = new URL(input).searchParams
    const at = query.get('at')
    const frame = at === null ? Number(query.get('n')) : Math.floor(Number(at) * FPS + 1e-6)
    const entry = { frame, aborted: false }
    asked.push(entry)
    return new Promise<Response>((resolve, reject) => {
      const timer = setTimeout(() => {
        const headers = { 'X-Frame-Number': String(frame), 'X-Frame-Time': (frame / FPS).toFixed(6) }
        if (frame < FRAMES) resolve(new Response(new Blob(['picture']), { headers }))
        else resolve(Response.json({ error: { code: 'position_invalid', message: 'outside', hint: '' } }, { status: 422 }))
      }, delay_ms)
      init.signal?.addEventListener('abort', () => {
        entry.aborted = true
        clearTimeout(timer)
        reject(new DOMException('aborted', 'AbortError'))
      })
    })
  })
  return asked
}

function start(): ReturnType<typeof usePlayer> {
  const recording = useRecording()
  recording.id = 'r'
  recording.info = { id: 'r', frames: FRAMES, fps: FPS, duration_s: FRAMES / FPS, index: { state: 'ready' } } as Recording
  const player = effectScope().run(() => usePlayer())
  if (!player) throw new Error('no player')
  player.open()
  return player
}

describe('the player', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    setActivePinia(createPinia())
    vi.spyOn(HTMLImageElement.prototype, 'decode').mockResolvedValue(undefined)
    vi.spyOn(URL, 'createObjectURL').mockImplementation(() => `blob:${Math.random()}`)
    vi.spyOn(URL, 'revokeObjectURL').mockReturnValue(undefined)
  })

  it('shows the frame, then sharply, and fetches its neighbours ahead', async () => {
    const asked = fakeFrames(10)
    const player = start()
    player.goToFrame(100)
    await vi.runAllTimersAsync()
    expect(player.shown.value).toMatchObject({ frame: 100, time_s: 2 })
    expect(asked.map(({ frame }) => frame)).toEqual([100, 100, 101, 102, 103, 99])
  })

  it('asks only for the sharp picture of one that is there', async () => {
    const asked = fakeFrames(10)
    const player = start()
    player.goToFrame(100)
    await vi.runAllTimersAsync()
    const before = asked.length
    player.stepFrames(1)
    await vi.advanceTimersByTimeAsync(0)
    expect(player.shown.value?.frame).toBe(101)
    await vi.runAllTimersAsync()
    expect(asked.slice(before).map(({ frame }) => frame)).toEqual([101, 104])
  })

  it('cancels what is stale, keeps the old picture until then, and ends on the last wish', async () => {
    const asked = fakeFrames(1000)
    const player = start()
    player.goToFrame(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect(player.shown.value?.frame).toBe(1)
    player.goToFrame(500)
    player.goToFrame(600)
    player.goToFrame(700)
    expect(player.shown.value?.frame).toBe(1)
    await vi.advanceTimersByTimeAsync(1300)
    expect(player.shown.value?.frame).toBe(700)
    expect(asked.find(({ frame }) => frame === 500)?.aborted).toBe(true)
    expect(asked.some(({ frame }) => frame === 600)).toBe(false)
  })

  it('counts steps from a place whose frame is not known yet', async () => {
    fakeFrames(50)
    const player = start()
    player.goToTime(3)
    player.stepFrames(1)
    player.stepFrames(1)
    await vi.runAllTimersAsync()
    expect(player.shown.value?.frame).toBe(152)
  })

  it('stays inside the recording', async () => {
    fakeFrames(5)
    const player = start()
    player.goToTime(9999)
    await vi.runAllTimersAsync()
    expect(player.shown.value?.frame).toBe(FRAMES - 1)
    player.stepSeconds(-9999)
    await vi.runAllTimersAsync()
    expect(player.shown.value?.frame).toBe(0)
  })
})
