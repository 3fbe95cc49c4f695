import { onScopeDispose } from 'vue'

import type { Item } from '@/api/types'
import { isPickable, rangeOf, withAll, type Picks } from '@/domain/picking'
import { usePicks } from '@/stores/picks'

import { OVERLAYS, TEXT_INPUTS } from './useShortcuts'

const LONG_PRESS_MS = 480
const STILL_PX = 10
const NOWHERE = -1

export interface PickableList {
  /** As long as the whole list; what was not fetched yet is undefined. */
  items: () => readonly (Item | undefined)[]
  /** Items `[first, end)`, fetched if need be; null where the list became another one meanwhile. */
  fetch: (first: number, end: number) => Promise<readonly (Item | undefined)[] | null>
}

/** Picking items of a list: by checkbox, by range, by key, and by a finger that stays. */
export function usePicking(list: PickableList) {
  const picks = usePicks()
  /** Where a range begins, and what was picked before it was drawn. */
  let anchor: string | null = null
  let before: Picks = new Map()
  let turn = 0
  let pointer = ''
  let press: { timer: number; x: number; y: number } | null = null
  /** A finger has stayed: the click that follows is not meant. */
  let stayed = false

  function toggle(at: number): void {
    const item = list.items()[at]
    if (!isPickable(item)) return
    turn += 1
    picks.toggle(item)
    anchor = item.id
    before = picks.picked
  }

  /** Picks all from where the range began to `at`; `from` is where it begins if it has not yet. */
  async function extend(at: number, from = at): Promise<void> {
    const items = list.items()
    let start = anchor === null ? -1 : items.findIndex((item) => item?.id === anchor)
    if (start < 0) {
      start = from
      anchor = items[from]?.id ?? null
      before = picks.picked
    }
    const mine = (turn += 1)
    const found = await list.fetch(...rangeOf(start, at))
    if (found && mine === turn) picks.set(withAll(before, found))
  }

  async function all(): Promise<void> {
    const mine = (turn += 1)
    const found = await list.fetch(0, list.items().length)
    if (found && mine === turn) picks.add(found)
  }

  /** The next range begins where the focus is then. */
  function loosen(): void {
    anchor = null
  }

  /** What a key does with the item that has the focus; whether it did anything. */
  function onKey(event: KeyboardEvent, at: number): boolean {
    const command = event.ctrlKey || event.metaKey
    if (event.altKey) return false
    if (command && event.code === 'KeyA') void all()
    else if (command && event.key === 'Enter' && picks.keptCount > 0) picks.dialog = true
    else if (!command && event.key === ' ' && isPickable(list.items()[at])) {
      if (event.shiftKey) void extend(at)
      else toggle(at)
    } else if (!command && event.key === 'Escape' && picks.active) picks.clear()
    else return false
    event.preventDefault()
    return true
  }

  /** While something is being picked the keys work wherever the focus is, but for where somebody types. */
  function onPageKey(event: KeyboardEvent): void {
    if (!picks.active || event.defaultPrevented || event.isComposing) return
    if (event.target instanceof Element && event.target.closest(TEXT_INPUTS)) return
    if (!document.querySelector(OVERLAYS)) onKey(event, NOWHERE)
  }

  window.addEventListener('keydown', onPageKey)
  onScopeDispose(() => window.removeEventListener('keydown', onPageKey))

  /** A button that has the focus would be pressed when the space bar comes up again. */
  function onKeyUp(event: KeyboardEvent): void {
    if (event.key === ' ' && event.target instanceof HTMLButtonElement) event.preventDefault()
  }

  /** A click on an item, before it leads anywhere. */
  function onClick(event: MouseEvent, at: number): void {
    const touched = (event as PointerEvent).pointerType === 'touch' || pointer === 'touch'
    const taps = touched && picks.active && event.detail > 0
    if (!stayed && !taps && !event.shiftKey) return
    if (!isPickable(list.items()[at])) return
    event.preventDefault()
    event.stopPropagation()
    if (event.shiftKey) void extend(at)
    else if (!stayed) toggle(at)
    stayed = false
  }

  function onPointerDown(event: PointerEvent, at: number): void {
    pointer = event.pointerType
    stayed = false
    release()
    if (event.pointerType !== 'touch' || !event.isPrimary) return
    const timer = window.setTimeout(() => {
      press = null
      if (!isPickable(list.items()[at])) return
      stayed = true
      toggle(at)
      if ('vibrate' in navigator) navigator.vibrate(12)
    }, LONG_PRESS_MS)
    press = { timer, x: event.clientX, y: event.clientY }
  }

  function onPointerMove(event: PointerEvent): void {
    if (press && Math.hypot(event.clientX - press.x, event.clientY - press.y) > STILL_PX) release()
  }

  function release(): void {
    if (press) window.clearTimeout(press.timer)
    press = null
  }

  /** The browser's own menu for a finger that stays would cover what was picked. */
  function onContextMenu(event: Event): void {
    if (pointer === 'touch' && (press !== null || stayed)) event.preventDefault()
  }

  return { picks, toggle, extend, loosen, onKey, onKeyUp, onClick, onPointerDown, onPointerMove, release, onContextMenu }
}
