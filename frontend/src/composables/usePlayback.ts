import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue'

import { videoAddress, type VideoQuery } from '@/api/endpoints'
import { aroundSeam, PlayMap, seamNear, writtenSpans } from '@/domain/playmap'
import { nextRate } from '@/domain/shuttle'
import { union, type KeepList } from '@/domain/spans'
import { useKeep } from '@/stores/keep'
import { usePreferences } from '@/stores/preferences'
import { useRecording } from '@/stores/recording'

import type { Player } from './usePlayer'

export type PlayMode = 'run' | 'loop' | 'seam' | 'result'

/** So much is played on both sides of a seam, and of the place that is looped around. */
const SEAM_S = 2
const LOOP_S = 1.5
const TICK_MS = 40
const LAST_FRAME_MS = 80
/** So often at most it is waited for, on a machine that is busy. */
const LAST_FRAME_LOOKS = 6

/** Playing: the recording, a stretch of it, or what will be left of it. When it stops, the exact frame is shown. */
export function usePlayback(player: Player) {
  const recording = useRecording()
  const keep = useKeep()
  const preferences = usePreferences()
  const video = shallowRef<HTMLVideoElement | null>(null)
  const mode = ref<PlayMode | null>(null)
  const rate = ref(0)
  const waiting = ref(false)
  /** Whether the film lies over the still picture: from its first frame until the still one of the last is there. */
  const visible = ref(false)
  const track = ref<number | null>(null)
  const failed = ref(false)
  const playing = computed(() => rate.value !== 0)
  let map = new PlayMap([], recording.clock)
  let source = ''
  let frame: number | null = null
  let callback = 0
  let reverse = 0
  let own = false
  let stopping: Promise<number | null> | null = null

  function query(spans: KeepList | null): VideoQuery {
    const { fingerprint } = recording.info ?? {}
    return {
      ...(spans ? { keep: writtenSpans(spans) } : {}),
      ...(track.value !== null ? { audio: track.value } : {}),
      ...(fingerprint ? { fingerprint } : {}),
    }
  }

  function here(): number {
    return player.target.value?.frame ?? player.shown.value?.frame ?? 0
  }

  async function start(next: PlayMode, spans: KeepList | null, from: number, speed = 1): Promise<void> {
    const element = video.value
    if (!element || !recording.ready) return
    window.clearInterval(reverse)
    map = new PlayMap(spans ?? [{ start: 0, end: recording.frames }], recording.clock)
    const wanted = videoAddress(recording.id, query(spans))
    mode.value = next
    rate.value = speed
    failed.value = false
    if (wanted !== source || element.error) {
      source = wanted
      element.src = wanted
    }
    element.loop = next === 'loop' || next === 'seam'
    element.volume = preferences.volume
    element.muted = preferences.muted
    element.playbackRate = speed
    element.preservesPitch = true
    // Past the frame's own time by a little: the browser's clock is coarser than ours.
    const moment = (map.momentOf(from) ?? 0) + Math.min(0.004, 0.2 / recording.fps)
    if (Math.abs(element.currentTime - moment) > 0.001) element.currentTime = moment
    frame = null
    watchFrames(element, moment - 0.6 / recording.fps)
    try {
      await element.play()
    } catch (caught) {
      // Another start or a stop came in between, which is no failure.
      if (!(caught instanceof DOMException && caught.name === 'AbortError')) fail()
    }
  }

  /** Follows the film from the first frame that is not before `from_s`: a new film may show its own first one first. */
  function watchFrames(element: HTMLVideoElement, from_s = Number.NEGATIVE_INFINITY): void {
    element.cancelVideoFrameCallback(callback)
    callback = element.requestVideoFrameCallback((_, { mediaTime }) => {
      if (mode.value === null) return
      if (mediaTime < from_s) {
        watchFrames(element, from_s)
        return
      }
      waiting.value = false
      visible.value = true
      frame = map.frameAt(mediaTime)
      player.follow(frame, recording.timeOf(frame))
      watchFrames(element)
    })
  }

  function fail(): void {
    failed.value = true
    void stop()
  }

  /** Ends it; the frame that was shown last is the place then. Gives that frame; null where nothing played. */
  function stop(): Promise<number | null> {
    if (mode.value === null && reverse === 0) return Promise.resolve(null)
    const backwards = reverse !== 0
    window.clearInterval(reverse)
    reverse = 0
    rate.value = 0
    waiting.value = false
    const element = video.value
    if (mode.value === null || !element) return Promise.resolve(backwards ? here() : null)
    element.pause()
    stopping ??= new Promise<number | null>((resolve) => settle(element, LAST_FRAME_LOOKS, resolve)).finally(() => {
      stopping = null
    })
    return stopping
  }

  /** The browser may show one more frame, and then tells it; a busy one takes its time. */
  function settle(element: HTMLVideoElement, looks: number, resolve: (frame: number | null) => void): void {
    window.setTimeout(() => {
      if (rate.value !== 0 || mode.value === null) {
        resolve(frame)
        return
      }
      if (looks > 1 && frame !== null && frame < map.frameAt(element.currentTime)) {
        settle(element, looks - 1, resolve)
        return
      }
      mode.value = null
      element.cancelVideoFrameCallback(callback)
      // At the end the last frame stands on the screen, also where a busy browser did not tell of it.
      if (element.ended) frame = map.frameAt(Number.MAX_SAFE_INTEGER)
      if (frame === null) visible.value = false
      else move(() => player.goToFrame(frame ?? 0))
      resolve(frame)
    }, LAST_FRAME_MS)
  }

  /** Does something with the frame that really is on the screen; what plays stops there first. */
  async function atShown(how: (frame: number) => void): Promise<void> {
    const { id } = recording
    const plays = playing.value || mode.value !== null
    // Until the still picture is there, the film stands over the one of before.
    const still = visible.value ? here() : player.shown.value?.frame
    const shown = plays ? await stop() : still
    if (shown != null && recording.id === id) how(shown)
  }

  /** Ends it at once, because somebody goes elsewhere. */
  function leave(): void {
    if (own || (mode.value === null && reverse === 0)) return
    window.clearInterval(reverse)
    reverse = 0
    rate.value = 0
    mode.value = null
    waiting.value = false
    visible.value = false
    video.value?.cancelVideoFrameCallback(callback)
    video.value?.pause()
  }

  function move(how: () => void): void {
    own = true
    how()
    own = false
  }

  function run(speed = 1): void {
    const last = recording.frames - 1
    const from = here() >= last ? 0 : here()
    void start('run', null, from, speed)
  }

  /** Backwards by still pictures, as fast as they come: at each moment the one that is due. */
  function runBack(speed: number): void {
    leave()
    rate.value = speed
    const from = { frame: here(), at: performance.now() }
    reverse = window.setInterval(() => {
      const due = from.frame + ((performance.now() - from.at) / 1000) * recording.fps * speed
      if (due <= 0) {
        move(() => player.goToFrame(0))
        void stop()
      } else if (player.lag() === 0 || !player.loading.value) move(() => player.goToFrame(due))
    }, TICK_MS)
  }

  function toggle(): void {
    if (playing.value) void stop()
    else run()
  }

  function shuttle(direction: 1 | -1): void {
    const next = nextRate(rate.value, direction)
    if (next === 0) void stop()
    else if (next < 0) runBack(next)
    else if (mode.value && video.value) {
      rate.value = next
      video.value.playbackRate = next
    } else {
      window.clearInterval(reverse)
      reverse = 0
      run(next)
    }
  }

  function loop(): void {
    if (mode.value === 'loop') {
      void stop()
      return
    }
    const at = here()
    const reach = Math.round(LOOP_S * recording.fps)
    const span = { start: Math.max(0, at - reach), end: Math.min(recording.frames, at + reach) }
    void start('loop', [span], span.start)
  }

  /** The seam nearest to the place, as the cut will show it. */
  function playSeam(): void {
    if (mode.value === 'seam') {
      void stop()
      return
    }
    const seam = seamNear(keep.list, here(), recording.frames)
    if (!seam) return
    const spans = aroundSeam(seam.end, seam.start, Math.round(SEAM_S * recording.fps), recording.frames)
    void start('seam', spans, spans[0]?.start ?? 0)
  }

  function playResult(): void {
    if (mode.value === 'result') {
      void stop()
      return
    }
    const spans = union(keep.list)
    const at = here()
    const from = spans.find(({ end }) => at < end) ?? spans[0]
    if (from) void start('result', spans, Math.max(from.start, at < from.end ? at : from.start))
  }

  function onEnded(): void {
    if (mode.value) void stop()
  }

  function onWaiting(): void {
    if (mode.value) waiting.value = true
  }

  function listenTo(id: number | null): void {
    track.value = id
  }

  const unlisten = player.onMove(leave)
  // The still picture of the last frame is there: it takes over.
  watch([player.shown, player.loading], ([still, loading]) => {
    if (mode.value === null && visible.value && !loading && still?.frame === player.target.value?.frame) visible.value = false
  })
  watch([() => preferences.volume, () => preferences.muted], ([volume, muted]) => {
    if (!video.value) return
    video.value.volume = volume
    video.value.muted = muted
  })
  watch(track, () => {
    if (mode.value === 'run' && rate.value > 0) run(rate.value)
    else leave()
  })
  watch([() => recording.id, () => recording.opened], () => {
    leave()
    source = ''
    track.value = null
    video.value?.removeAttribute('src')
    video.value?.load()
  })
  onScopeDispose(() => {
    leave()
    unlisten()
  })

  return {
    video, mode, rate, playing, waiting, visible, failed, track,
    toggle, stop, atShown, shuttle, loop, playSeam, playResult, listenTo, onEnded, onWaiting, fail,
  }
}

export type Playback = ReturnType<typeof usePlayback>
