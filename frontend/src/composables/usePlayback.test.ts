import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, ref, shallowRef } from 'vue'

import type { Recording } from '@/api/types'
import { useRecording } from '@/stores/recording'

import { usePlayback } from './usePlayback'
import type { Player } from './usePlayer'

const FPS = 50

/** A player whose picture of frame 10 is there, and whose next one takes its time. */
function player() {
  const target = shallowRef<{ frame: number; time_s: number } | null>({ frame: 10, time_s: 0.2 })
  const shown = shallowRef<{ frame: number } | null>({ frame: 10 })
  const set = (frame: number): void => {
    target.value = { frame, time_s: frame / FPS }
  }
  return { target, shown, loading: ref(false), follow: set, goToFrame: set, onMove: () => () => undefined, lag: () => 0 }
}

/** A film that has shown its frame at `media_s` when it is stopped. */
function film() {
  let told: ((now: number, meta: { mediaTime: number }) => void) | null = null
  const element = document.createElement('video')
  Object.assign(element, {
    play: () => Promise.resolve(), pause: () => undefined, cancelVideoFrameCallback: () => undefined,
    requestVideoFrameCallback: (callback: typeof told) => ((told = callback), 1),
  })
  return { element, show: (media_s: number) => told?.(0, { mediaTime: media_s }) }
}

describe('a film that stops', () => {
  beforeEach(() => {
    setActivePinia(createPinia())
    vi.useFakeTimers()
  })

  it('stands on its last frame until the still picture is there: what is marked then is that frame', async () => {
    const recording = useRecording()
    recording.id = 'r'
    recording.info = { id: 'r', frames: 1000, fps: FPS, duration_s: 20, index: { state: 'ready' } } as Recording
    const still = player()
    const playback = effectScope().run(() => usePlayback(still as unknown as Player))
    if (!playback) throw new Error('nothing to play with')
    const { element, show } = film()
    playback.video.value = element
    playback.toggle()
    show(0.62)
    const marked: number[] = []
    const marking = playback.atShown((frame) => marked.push(frame))
    await vi.advanceTimersByTimeAsync(1000)
    await marking
    expect(marked).toEqual([31])
    expect(playback.visible.value).toBe(true)
    await playback.atShown((frame) => marked.push(frame))
    expect(marked).toEqual([31, 31])
  })
})
