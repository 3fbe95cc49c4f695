/** Which key does what, as data. Matched on `KeyboardEvent.code`, so that the place of a key counts, not its letter. */

export type Action =
  | 'frameBack'
  | 'frameForward'
  | 'secondBack'
  | 'secondForward'
  | 'tenBack'
  | 'tenForward'
  | 'minuteBack'
  | 'minuteForward'
  | 'start'
  | 'end'
  | 'edgeBack'
  | 'edgeForward'
  | 'setIn'
  | 'setOut'
  | 'dropMarks'
  | 'goTo'
  | 'undo'
  | 'redo'
  | 'cut'
  | 'help'

export interface Binding {
  action: Action
  code: string
  shift?: boolean
  /** Ctrl, or Cmd on a Mac. */
  control?: boolean
  alt?: boolean
  /** What the help writes on the keys; `code` names the place, this the usual label. */
  label: string
  /** Left out of the help, because another binding of the same action is shown there. */
  hidden?: boolean
}

export const BINDINGS: readonly Binding[] = [
  { action: 'frameBack', code: 'ArrowLeft', label: '←' },
  { action: 'frameForward', code: 'ArrowRight', label: '→' },
  { action: 'secondBack', code: 'ArrowLeft', shift: true, label: 'Shift ←' },
  { action: 'secondForward', code: 'ArrowRight', shift: true, label: 'Shift →' },
  { action: 'tenBack', code: 'ArrowLeft', control: true, label: 'Ctrl ←' },
  { action: 'tenForward', code: 'ArrowRight', control: true, label: 'Ctrl →' },
  { action: 'minuteBack', code: 'PageUp', label: 'Page Up' },
  { action: 'minuteForward', code: 'PageDown', label: 'Page Down' },
  { action: 'minuteBack', code: 'ArrowLeft', control: true, shift: true, label: 'Ctrl Shift ←', hidden: true },
  { action: 'minuteForward', code: 'ArrowRight', control: true, shift: true, label: 'Ctrl Shift →', hidden: true },
  { action: 'start', code: 'Home', label: 'Home' },
  { action: 'end', code: 'End', label: 'End' },
  { action: 'edgeBack', code: 'BracketLeft', label: '[' },
  { action: 'edgeForward', code: 'BracketRight', label: ']' },
  { action: 'edgeBack', code: 'ArrowUp', label: '↑' },
  { action: 'edgeForward', code: 'ArrowDown', label: '↓' },
  { action: 'setIn', code: 'KeyI', label: 'I' },
  { action: 'setOut', code: 'KeyO', label: 'O' },
  { action: 'dropMarks', code: 'Escape', label: 'Esc' },
  { action: 'goTo', code: 'KeyG', label: 'G' },
  { action: 'undo', code: 'KeyZ', control: true, label: 'Ctrl Z' },
  { action: 'redo', code: 'KeyZ', control: true, shift: true, label: 'Ctrl Shift Z' },
  { action: 'redo', code: 'KeyY', control: true, label: 'Ctrl Y', hidden: true },
  { action: 'cut', code: 'Enter', control: true, label: 'Ctrl Enter' },
  { action: 'help', code: 'Slash', shift: true, label: '?' },
  { action: 'help', code: 'F1', label: 'F1', hidden: true },
]

export interface KeyStroke {
  code: string
  key: string
  shiftKey: boolean
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
}

/** The action of a key stroke; null if it has none. */
export function matchKey(stroke: KeyStroke, bindings: readonly Binding[] = BINDINGS): Action | null {
  // The question mark lies on another key in every country; here the letter counts.
  if (stroke.key === '?' && !stroke.ctrlKey && !stroke.metaKey && !stroke.altKey) return 'help'
  const found = bindings.find(
    (binding) =>
      binding.code === stroke.code &&
      (binding.shift ?? false) === stroke.shiftKey &&
      (binding.control ?? false) === (stroke.ctrlKey || stroke.metaKey) &&
      (binding.alt ?? false) === stroke.altKey,
  )
  return found?.action ?? null
}
