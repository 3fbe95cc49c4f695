import type { Player } from './usePlayer'

const STILL_PX = 8
/** A slow swipe goes frame by frame, a quick one by leaps. */
const FINE_PX = 14
const QUICK_PX_PER_MS = 0.45

/** Swiping over the picture moves through the recording; a tap plays or stops. For fingers and pens. */
export function useSwipe(player: Player, tap: () => void) {
  let from: { x: number; y: number; at: number; id: number } | null = null
  let last = { x: 0, at: 0 }
  let rest = 0
  let moved = false

  function onDown(event: PointerEvent): void {
    if (event.pointerType === 'mouse' || from || !(event.target instanceof Element) || event.target.closest('button')) return
    from = { x: event.clientX, y: event.clientY, at: event.timeStamp, id: event.pointerId }
    last = { x: event.clientX, at: event.timeStamp }
    rest = 0
    moved = false
  }

  function onMove(event: PointerEvent): void {
    if (!from || event.pointerId !== from.id) return
    if (!moved && Math.abs(event.clientX - from.x) < STILL_PX) return
    if (!moved && event.currentTarget instanceof Element) event.currentTarget.setPointerCapture(event.pointerId)
    moved = true
    const dx = event.clientX - last.x
    const speed = Math.abs(dx) / Math.max(1, event.timeStamp - last.at)
    last = { x: event.clientX, at: event.timeStamp }
    const frames = speed > QUICK_PX_PER_MS ? (dx * speed * 3) / FINE_PX : dx / FINE_PX
    rest += frames
    const whole = Math.trunc(rest)
    if (whole === 0) return
    rest -= whole
    player.stepFrames(whole)
  }

  function onUp(event: PointerEvent): void {
    if (!from || event.pointerId !== from.id) return
    const still = !moved && Math.abs(event.clientY - from.y) < STILL_PX && event.type === 'pointerup'
    from = null
    if (still) tap()
  }

  return { onDown, onMove, onUp }
}
