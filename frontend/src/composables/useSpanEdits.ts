import { useI18n } from 'vue-i18n'

import { getFrame } from '@/api/endpoints'
import { isSpan, type Span } from '@/domain/spans'
import { floorMicroseconds, type Position } from '@/domain/timecode'
import { useKeep } from '@/stores/keep'
import { useNotices } from '@/stores/notices'
import { useRecording } from '@/stores/recording'

import type { Player } from './usePlayer'

/** Moves the edges of kept spans to written times or to the picture that is shown. */
export function useSpanEdits(player: Player) {
  const { t } = useI18n()
  const recording = useRecording()
  const keep = useKeep()
  const notices = useNotices()

  /** The first frame that is not before the position: a span keeps the frames with `start <= time < end`. */
  async function firstFrameFrom(position: Position, written: string): Promise<number> {
    if (position.kind === 'frame') return Math.min(position.n, recording.frames)
    const end_s = recording.duration_s
    if (end_s !== null && floorMicroseconds(position.time_s) >= floorMicroseconds(end_s)) return recording.frames
    const { frame, time_s } = await getFrame(recording.id, { at: written, width: 240 })
    if (frame === null || time_s === null) throw new Error(t('player.notIndexed'))
    recording.noteTime(frame, time_s)
    return floorMicroseconds(time_s) < floorMicroseconds(position.time_s) ? frame + 1 : frame
  }

  function replace(at: number, old: Span, edge: 'start' | 'end', frame: number): boolean {
    const span = { ...old, [edge]: frame }
    if (!isSpan(span)) {
      notices.say(t('spans.reversed'), 'warning')
      return false
    }
    keep.replace(at, span)
    return true
  }

  async function write(at: number, edge: 'start' | 'end', position: Position, written: string): Promise<void> {
    const old = keep.list[at]
    if (!old) return
    try {
      const frame = await firstFrameFrom(position, written)
      // The list may have changed while the frame was looked for.
      if (keep.list[at] === old && replace(at, old, edge, frame)) {
        player.goToFrame(edge === 'start' ? frame : frame - 1)
      }
    } catch (caught) {
      notices.fail(caught)
    }
  }

  function moveHere(at: number, edge: 'start' | 'end'): void {
    const old = keep.list[at]
    const frame = player.shown.value?.frame
    if (!old || frame == null) return
    const toEnd = edge === 'end' && frame === recording.frames - 1
    replace(at, old, edge, toEnd ? recording.frames : frame)
  }

  return { write, moveHere }
}
