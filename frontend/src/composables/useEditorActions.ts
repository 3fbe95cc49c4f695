import { useI18n } from 'vue-i18n'

import { edgeNear, nudged, pictureOf } from '@/domain/edges'
import { countMoves, snapAll } from '@/domain/lossless'
import { breakAt, spanOfBreak } from '@/domain/proposals'
import { edgeAfter, edgeBefore, indexAt } from '@/domain/spans'
import { useKeep } from '@/stores/keep'
import { useNotices } from '@/stores/notices'
import { usePreferences } from '@/stores/preferences'
import { useProposals } from '@/stores/proposals'
import { useRecording } from '@/stores/recording'

import type { Landmarks } from './useLandmarks'
import type { Marks } from './useMarks'
import type { Plan } from './usePlan'
import type { Playback } from './usePlayback'
import type { Player } from './usePlayer'
import type { Handlers } from './useShortcuts'
import type { Timeline } from './useTimeline'

const SETTLE_MS = 350

interface Tools {
  player: Player
  playback: Playback
  marks: Marks
  timeline: Timeline
  landmarks: Landmarks
  plan: Plan
}

/** What the editor can do, by the names that keys and buttons know it by. */
export function useEditorActions({ player, playback, marks, timeline, landmarks, plan }: Tools) {
  const { t } = useI18n()
  const recording = useRecording()
  const keep = useKeep()
  const proposals = useProposals()
  const preferences = usePreferences()
  const notices = useNotices()

  let nudgeTimer = 0

  const here = (): number | null => player.target.value?.frame ?? player.shown.value?.frame ?? null

  function stepped(again: boolean, how: () => void): void {
    // A held key waits for the pictures, so that it shows motion and ends where it is let go.
    if (!again || player.lag() <= 1) how()
  }

  /** To the edge beside the place, of what is kept or of a proposed break. */
  function toEdge(find: typeof edgeBefore): void {
    const frame = here()
    if (frame === null) return
    const found = [keep.list, proposals.open.map(spanOfBreak)].map((list) => find(list, frame, recording.frames))
    player.goToFrame(find === edgeBefore ? Math.max(...found) : Math.min(...found))
  }

  /** Decides on the proposed break at the place, and goes to the next. */
  function decide(how: typeof proposals.accept): void {
    const frame = here()
    const found = frame === null || !keep.loaded ? null : breakAt(proposals.open, frame)
    if (!found) {
      notices.say(t('proposals.none'))
      return
    }
    const rest = proposals.open.filter((one) => one !== found)
    how(found)
    const next = breakAt(rest, found.end_frame)
    if (next) player.goToFrame(next.start_frame)
  }

  function toKeyframe(direction: 1 | -1): void {
    const frame = here()
    const found = frame === null ? null : landmarks.keyframeBeside(frame, direction)
    if (found !== null) player.goToFrame(found)
  }

  function atShown(how: (frame: number) => void): void {
    if (recording.ready && keep.loaded) void playback.atShown(how)
  }

  function nudge(by: number): void {
    const frame = here()
    const edge = frame === null ? null : edgeNear(keep.list, frame)
    if (!edge) return
    const to = nudged(keep.list, edge, by, recording.frames)
    // A held key is one step to undo.
    keep.draw(keep.moveEdge(edge.index, edge.edge, to))
    window.clearTimeout(nudgeTimer)
    nudgeTimer = window.setTimeout(() => keep.settle(), SETTLE_MS)
    player.goToFrame(pictureOf({ ...edge, frame: to }))
  }

  function spanHere(how: (index: number) => void): void {
    const frame = here()
    const index = frame === null ? -1 : indexAt(keep.list, frame)
    if (index >= 0) how(index)
    else notices.say(t('spans.notHere'))
  }

  function snapEverything(): void {
    const found = plan.plan.value
    if (!found || plan.stale.value) return
    const moves = countMoves(keep.list, found)
    keep.change(snapAll(keep.list, found))
    notices.say(t('cost.snapped', moves))
  }

  function merge(index: number): void {
    const next = index < keep.list.length - 1 ? index : index - 1
    if (next >= 0) keep.merge(next)
  }

  const handlers: Handlers = {
    frameBack: (again) => stepped(again, () => player.stepFrames(-1)),
    frameForward: (again) => stepped(again, () => player.stepFrames(1)),
    secondBack: (again) => stepped(again, () => player.stepSeconds(-1)),
    secondForward: (again) => stepped(again, () => player.stepSeconds(1)),
    tenBack: (again) => stepped(again, () => player.stepSeconds(-10)),
    tenForward: (again) => stepped(again, () => player.stepSeconds(10)),
    minuteBack: (again) => stepped(again, () => player.stepSeconds(-60)),
    minuteForward: (again) => stepped(again, () => player.stepSeconds(60)),
    keyframeBack: (again) => stepped(again, () => toKeyframe(-1)),
    keyframeForward: (again) => stepped(again, () => toKeyframe(1)),
    start: () => player.goToFrame(0),
    end: () => recording.ready && player.goToFrame(recording.frames - 1),
    edgeBack: () => toEdge(edgeBefore),
    edgeForward: () => toEdge(edgeAfter),
    playPause: () => playback.toggle(),
    shuttleBack: () => playback.shuttle(-1),
    shuttleStop: () => void playback.stop(),
    shuttleForward: () => playback.shuttle(1),
    loop: () => playback.loop(),
    playSeam: () => playback.playSeam(),
    playResult: () => playback.playResult(),
    mute: () => {
      preferences.muted = !preferences.muted
    },
    setIn: () => atShown(marks.setIn),
    setOut: () => atShown(marks.setOut),
    dropMarks: () => {
      marks.drop()
      void playback.stop()
    },
    removeMarked: () => atShown((frame) => marks.removeTo(frame)),
    split: () => atShown(keep.split),
    merge: () => spanHere(merge),
    deleteSpan: () => spanHere(keep.remove),
    invert: () => keep.list.length > 0 && keep.invert(),
    nudgeBack: () => nudge(-1),
    nudgeForward: () => nudge(1),
    snapAll: snapEverything,
    acceptBreak: () => decide(proposals.accept),
    acceptBreaks: () => {
      const count = proposals.open.length
      if (count > 0) proposals.acceptAll()
      notices.say(count > 0 ? t('proposals.accepted', count) : t('proposals.none'))
    },
    dismissBreak: () => decide((one) => void proposals.dismiss(one)),
    undo: () => {
      keep.settle()
      keep.undo()
    },
    redo: () => keep.redo(),
    zoomIn: () => timeline.zoomIn(),
    zoomOut: () => timeline.zoomOut(),
    zoomAll: () => timeline.showAll(),
    zoomFrames: () => timeline.showFrames(),
    zoomSpan: () => spanHere((index) => {
      const span = keep.list[index]
      if (span) timeline.showSpan(span.start, span.end)
    }),
    snapping: () => {
      preferences.snap = !preferences.snap
      notices.say(preferences.snap ? t('timeline.snapOn') : t('timeline.snapOff'))
    },
  }

  return { handlers, nudge, snapEverything }
}

export type EditorActions = ReturnType<typeof useEditorActions>
