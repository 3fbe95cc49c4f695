import { computed, onBeforeUnmount, onMounted } from 'vue'

import { bindingsWith, matchKey, type Action } from '@/keyboard/bindings'
import { usePreferences } from '@/stores/preferences'

/** Where somebody types; keys are theirs there. */
export const TEXT_INPUTS = 'input:not([type="range"]):not([type="checkbox"]), textarea, select, [contenteditable="true"]'
const PRESSED_BY_KEYS = 'button, a[href], [role="button"], [role="menuitem"], [role="option"], summary, input'
/** A dialog or a menu that is open has the keys. */
export const OVERLAYS =
  '.v-overlay--active[role="dialog"], .v-overlay--active [role="dialog"], .v-dialog.v-overlay--active, .v-menu.v-overlay--active'

/** What to do for a key; `again` while it is held down. */
export type Handlers = Partial<Record<Action, (again: boolean) => void>>

/** These go on while their key is held; all others are done once. */
const HELD: ReadonlySet<Action> = new Set<Action>([
  'frameBack', 'frameForward', 'secondBack', 'secondForward', 'tenBack', 'tenForward', 'minuteBack', 'minuteForward',
  'keyframeBack', 'keyframeForward', 'nudgeBack', 'nudgeForward', 'zoomIn', 'zoomOut', 'undo', 'redo',
])

/** Calls the handlers for key strokes, except where somebody is typing or a dialog is open. */
export function useShortcuts(handlers: Handlers): void {
  const preferences = usePreferences()
  const bindings = computed(() => bindingsWith(preferences.keys))

  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return
    const target = event.target
    if (target instanceof Element && target.closest(TEXT_INPUTS)) return
    // A button that has the focus is pressed by these itself.
    const presses = (event.code === 'Space' || event.code === 'Enter') && !event.ctrlKey && !event.metaKey
    if (presses && target instanceof Element && target.closest(PRESSED_BY_KEYS)) return
    const action = matchKey(event, bindings.value)
    const handler = action && handlers[action]
    if (!handler || document.querySelector(OVERLAYS)) return
    event.preventDefault()
    if (!event.repeat || HELD.has(action)) handler(event.repeat)
  }

  onMounted(() => window.addEventListener('keydown', onKey))
  onBeforeUnmount(() => window.removeEventListener('keydown', onKey))
}
