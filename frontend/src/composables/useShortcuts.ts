import { onBeforeUnmount, onMounted } from 'vue'

import { matchKey, type Action } from '@/keyboard/bindings'

const TEXT_INPUTS = 'input, textarea, select, [contenteditable="true"]'
const OVERLAYS = '.v-overlay--active[role="dialog"], .v-overlay--active [role="dialog"], .v-dialog.v-overlay--active'

/** Calls the handlers for key strokes, except where somebody is typing or a dialog is open. */
export function useShortcuts(handlers: Partial<Record<Action, () => void>>): void {
  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.isComposing) return
    const target = event.target
    if (target instanceof Element && target.closest(TEXT_INPUTS)) return
    const action = matchKey(event)
    const handler = action && handlers[action]
    if (!handler || document.querySelector(OVERLAYS)) return
    event.preventDefault()
    handler()
  }

  onMounted(() => window.addEventListener('keydown', onKey))
  onBeforeUnmount(() => window.removeEventListener('keydown', onKey))
}
