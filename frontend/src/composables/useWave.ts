import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'

import { isAbort } from '@/api/client'
import { getWaveform } from '@/api/endpoints'
import { covers, waveWish, type WaveStretch } from '@/domain/wave'
import type { View } from '@/domain/view'
import { useRecording } from '@/stores/recording'

const WAIT_MS = 90
const AGAIN_MS = 1_500

/** The sound of what the time line shows: the whole recording coarsely, and finer where it is looked at. */
export function useWave(view: Ref<View | null>, width: Ref<number>, track: Ref<number | null>) {
  const recording = useRecording()
  /** What is known, the coarsest first. */
  const stretches = shallowRef<readonly WaveStretch[]>([])
  let controller = new AbortController()
  let timer = 0

  function schedule(after_ms: number): void {
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void load(), after_ms)
  }

  async function load(): Promise<void> {
    const seen = view.value
    if (!seen || !recording.ready || width.value === 0) return
    const wished = waveWish(seen, width.value, recording.frames)
    if (stretches.value.some((one) => covers(one, wished, track.value))) return
    controller.abort()
    controller = new AbortController()
    const { signal } = controller
    try {
      const found = await getWaveform(recording.id, { ...wished, wait_s: 0 }, signal)
      const of = found.tracks.find((one) => one.id === track.value) ?? found.tracks[0]
      keep({ ...wished, track: track.value, peaks: of?.peaks ?? [], complete: found.complete })
      if (!found.complete) schedule(AGAIN_MS)
    } catch (caught) {
      if (!isAbort(caught)) schedule(4 * AGAIN_MS)
    }
  }

  function keep(found: WaveStretch): void {
    const is_whole = found.from === 0 && found.to === recording.frames
    const others = stretches.value.filter((one) => {
      const whole = one.from === 0 && one.to === recording.frames
      return one.track === found.track && whole !== is_whole
    })
    stretches.value = is_whole ? [found, ...others] : [...others, found]
  }

  watch([view, width, () => recording.ready], () => schedule(WAIT_MS), { immediate: true })
  watch([() => recording.id, () => recording.opened, track], () => {
    controller.abort()
    stretches.value = []
    schedule(0)
  })
  onScopeDispose(() => {
    window.clearTimeout(timer)
    controller.abort()
  })

  return { stretches }
}
