import { onBeforeUnmount, onMounted, ref, shallowRef, type Ref } from 'vue'

import { CURSORS, hitAt, type Hit, type Pointer } from '@/components/timeline/hit'
import type { Layout } from '@/components/timeline/layout'
import { moveEdge, moveSpan, type KeepList } from '@/domain/spans'
import { placeAt, type View } from '@/domain/view'
import { useKeep } from '@/stores/keep'
import { usePreferences } from '@/stores/preferences'

import type { Landmarks } from './useLandmarks'
import type { Player } from './usePlayer'
import type { Timeline } from './useTimeline'

const REACH_PX = 8
const TOUCH_REACH_PX = 14
const LONG_PRESS_MS = 480
const STILL_PX = 6
const LIFTED_MS = 60
const BORDER_PX = 28
const LINE_PX = 16

interface Held {
  hit: Hit
  x: number
  place: number
  list: KeepList
  view: View
  moved: boolean
  touch: boolean
}

interface Ways {
  canvas: Ref<HTMLCanvasElement | null>
  layout: Ref<Layout>
  timeline: Timeline
  landmarks: Landmarks
  player: Player
  menu: (at: { x: number; y: number; frame: number }) => void
}

/** Hands on the time line: going to a place, dragging edges and spans, zooming and panning by mouse, wheel and fingers. */
export function useTimelineInput({ canvas, layout, timeline, landmarks, player, menu }: Ways) {
  const keep = useKeep()
  const preferences = usePreferences()
  const cursor = ref('default')
  const hover = shallowRef<{ x: number; frame: number } | null>(null)
  /** The frame that was caught on, for as long as it is held. */
  const caught = ref<number | null>(null)
  const fingers = new Map<number, { x: number; y: number }>()
  let held: Held | null = null
  let pinch: { apart: number; x: number } | null = null
  let pressTimer = 0
  /** Where a finger stayed: the menu opens when it is lifted, so that its lifting does not close it. */
  let stayed: { x: number; y: number; frame: number } | null = null
  let borderTimer = 0

  function pointerOf(event: PointerEvent | WheelEvent | MouseEvent): Pointer {
    const box = canvas.value?.getBoundingClientRect()
    const touch = 'pointerType' in event && event.pointerType !== 'mouse'
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0), touch }
  }

  const place = (x: number): number => placeAt(timeline.view.value, layout.value.width, x)
  const editable = (): boolean => keep.loaded && timeline.total.value > 0

  function onDown(event: PointerEvent): void {
    if (timeline.total.value === 0 || (event.pointerType === 'mouse' && event.button !== 0)) return
    const pointer = pointerOf(event)
    canvas.value?.setPointerCapture(event.pointerId)
    fingers.set(event.pointerId, { x: pointer.x, y: pointer.y })
    if (fingers.size === 2) {
      letGo(false)
      startPinch()
      return
    }
    if (fingers.size > 2) return
    const hit = hitAt(pointer, layout.value, timeline.view.value, editable() ? keep.list : [])
    held = {
      hit, x: pointer.x, place: place(pointer.x), list: keep.list, view: timeline.view.value, moved: false, touch: pointer.touch,
    }
    timeline.held.value = true
    hover.value = null
    if (pointer.touch) pressTimer = window.setTimeout(() => longPress(event.clientX, event.clientY), LONG_PRESS_MS)
    if (hit.kind === 'map') panTo(pointer.x)
    if (hit.kind === 'ruler' || (hit.kind === 'body' && !pointer.touch)) seek(pointer.x, event.altKey)
  }

  function longPress(x: number, y: number): void {
    const frame = held ? Math.floor(held.place) : null
    letGo(false)
    if (frame === null) return
    stayed = { x, y, frame: Math.min(Math.max(0, frame), timeline.total.value - 1) }
    navigator.vibrate?.(12)
  }

  function onMove(event: PointerEvent): void {
    const pointer = pointerOf(event)
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, { x: pointer.x, y: pointer.y })
    if (pinch && fingers.size >= 2) {
      movePinch()
      return
    }
    if (!held) {
      look(pointer, event.pointerType)
      return
    }
    if (Math.abs(pointer.x - held.x) > STILL_PX) {
      held.moved = true
      window.clearTimeout(pressTimer)
    }
    if (held.touch && !held.moved) return
    drag(pointer.x, event.altKey)
    atBorder(pointer.x, event.altKey)
  }

  function drag(x: number, free: boolean): void {
    if (!held) return
    const { hit } = held
    if (hit.kind === 'map') panTo(x)
    else if (hit.kind === 'edge') dragEdge(hit, x, free)
    else if (hit.kind === 'span') dragSpan(hit.index, x, free)
    else if (hit.kind === 'body' && held.touch) panFrom(held, x)
    else seek(x, free)
  }

  function seek(x: number, free: boolean): void {
    const reach = held?.touch ? TOUCH_REACH_PX : REACH_PX
    const found = landmarks.caught(place(x), reach, null, free === preferences.snap)
    caught.value = found.kind === null ? null : found.frame
    player.goToFrame(Math.max(0, Math.min(found.frame, timeline.total.value - 1)))
  }

  function dragEdge({ index, edge }: Hit & { kind: 'edge' }, x: number, free: boolean): void {
    if (!held || !held.moved) return
    const found = landmarks.caught(place(x), held.touch ? TOUCH_REACH_PX : REACH_PX, edge, free === preferences.snap)
    const next = moveEdge(held.list, index, edge, found.frame, timeline.total.value)
    const at = next[index]?.[edge] ?? 0
    caught.value = found.kind !== null && at === found.frame ? at : null
    keep.draw(next)
    player.goToFrame(edge === 'start' ? at : at - 1)
  }

  function dragSpan(index: number, x: number, free: boolean): void {
    const span = held?.list[index]
    if (!held || !held.moved || !span) return
    const by = place(x) - held.place
    const found = landmarks.caught(span.start + by, REACH_PX, 'start', free === preferences.snap)
    const next = moveSpan(held.list, index, found.frame - span.start, timeline.total.value)
    caught.value = found.kind !== null && next[index]?.start === found.frame ? found.frame : null
    keep.draw(next)
    player.goToFrame(next[index]?.start ?? 0)
  }

  function panFrom({ view, x: from }: Held, x: number): void {
    timeline.set(view)
    timeline.pan(((from - x) / layout.value.width) * view.span)
  }

  function panTo(x: number): void {
    const middle = (x / layout.value.width) * timeline.total.value
    timeline.pan(middle - timeline.view.value.span / 2 - timeline.view.value.start)
  }

  /** A drag that comes to the border takes the time line along. */
  function atBorder(x: number, free: boolean): void {
    window.clearInterval(borderTimer)
    if (!held || held.hit.kind === 'map' || (held.hit.kind === 'body' && held.touch)) return
    const over = x < BORDER_PX ? x - BORDER_PX : Math.max(0, x - layout.value.width + BORDER_PX)
    if (over === 0) return
    borderTimer = window.setInterval(() => {
      timeline.pan((over / 900) * timeline.view.value.span)
      drag(x, free)
    }, 33)
  }

  function onUp(event: PointerEvent): void {
    fingers.delete(event.pointerId)
    if (stayed) {
      const at = stayed
      stayed = null
      window.setTimeout(() => menu(at), LIFTED_MS)
      return
    }
    if (pinch && fingers.size < 2) {
      pinch = null
      timeline.held.value = false
      return
    }
    if (held?.touch && !held.moved && held.hit.kind !== 'map') seek(held.x, event.altKey)
    if (held && !held.touch && !held.moved && (held.hit.kind === 'span' || held.hit.kind === 'edge')) seek(held.x, true)
    letGo(event.type === 'pointerup')
  }

  function letGo(take: boolean): void {
    window.clearTimeout(pressTimer)
    window.clearInterval(borderTimer)
    if (held?.hit.kind === 'edge' || held?.hit.kind === 'span') keep.settle(take)
    held = null
    caught.value = null
    timeline.held.value = false
  }

  function startPinch(): void {
    const [a, b] = [...fingers.values()]
    if (!a || !b) return
    pinch = { apart: Math.max(20, Math.hypot(a.x - b.x, a.y - b.y)), x: (a.x + b.x) / 2 }
    timeline.held.value = true
  }

  function movePinch(): void {
    const [a, b] = [...fingers.values()]
    if (!a || !b || !pinch) return
    const apart = Math.max(20, Math.hypot(a.x - b.x, a.y - b.y))
    const x = (a.x + b.x) / 2
    timeline.pan(((pinch.x - x) / layout.value.width) * timeline.view.value.span)
    timeline.zoomAt(pinch.apart / apart, place(x))
    pinch = { apart, x }
  }

  function look(pointer: Pointer, type: string): void {
    if (type !== 'mouse') return
    const hit = hitAt(pointer, layout.value, timeline.view.value, editable() ? keep.list : [])
    cursor.value = CURSORS[hit.kind]
    const inside = hit.kind !== 'map' && timeline.total.value > 0
    const frame = Math.max(0, Math.min(Math.floor(place(pointer.x)), timeline.total.value - 1))
    hover.value = inside ? { x: pointer.x, frame } : null
  }

  function onLeave(): void {
    hover.value = null
  }

  function onWheel(event: WheelEvent): void {
    if (timeline.total.value === 0) return
    event.preventDefault()
    const scale = event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? 400 : 1
    const [dx, dy] = [event.deltaX * scale, event.deltaY * scale]
    const { x } = pointerOf(event)
    hover.value = null
    if (event.shiftKey || Math.abs(dx) > Math.abs(dy)) {
      timeline.pan(((event.shiftKey && dx === 0 ? dy : dx) / layout.value.width) * timeline.view.value.span)
    } else {
      timeline.zoomAt(Math.exp(dy * (event.ctrlKey ? 0.01 : 0.0022)), place(x))
    }
  }

  function onContext(event: MouseEvent): void {
    event.preventDefault()
    // A finger that stays is looked after on its own.
    if (timeline.total.value === 0 || fingers.size > 0 || stayed) return
    const frame = Math.max(0, Math.min(Math.floor(place(pointerOf(event).x)), timeline.total.value - 1))
    menu({ x: event.clientX, y: event.clientY, frame })
  }

  onMounted(() => canvas.value?.addEventListener('wheel', onWheel, { passive: false }))
  onBeforeUnmount(() => {
    canvas.value?.removeEventListener('wheel', onWheel)
    letGo(false)
  })

  return { cursor, hover, caught, onDown, onMove, onUp, onLeave, onContext }
}
