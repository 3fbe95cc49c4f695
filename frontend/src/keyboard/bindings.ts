/** Which key does what, as data. Matched on `KeyboardEvent.code`, so that the place of a key counts, not its letter. */

/** In the order of the help, by group. */
export const GROUPS = {
  move: [
    'frameBack', 'frameForward', 'secondBack', 'secondForward', 'tenBack', 'tenForward', 'minuteBack', 'minuteForward',
    'keyframeBack', 'keyframeForward', 'start', 'end', 'edgeBack', 'edgeForward', 'goTo',
  ],
  play: [
    'playPause', 'shuttleBack', 'shuttleStop', 'shuttleForward', 'loop', 'playSeam', 'playResult', 'mute', 'fullScreen', 'twoUp',
  ],
  view: ['zoomIn', 'zoomOut', 'zoomAll', 'zoomFrames', 'zoomSpan', 'snapping', 'help'],
  edit: [
    'setIn', 'setOut', 'dropMarks', 'removeMarked', 'split', 'merge', 'deleteSpan', 'invert', 'nudgeBack', 'nudgeForward',
    'snapAll', 'acceptBreak', 'acceptBreaks', 'dismissBreak', 'undo', 'redo', 'cut',
  ],
} as const

export type Group = keyof typeof GROUPS
export type Action = (typeof GROUPS)[Group][number]

/** A key with the modifiers that are held. */
export interface Stroke {
  code: string
  shift?: boolean
  /** Ctrl, or Cmd on a Mac. */
  control?: boolean
  alt?: boolean
}

export interface Binding extends Stroke {
  action: Action
}

const on = (action: Action, code: string, more: Omit<Stroke, 'code'> = {}): Binding => ({ action, code, ...more })
const SHIFT = { shift: true }
const CONTROL = { control: true }

/** The usual keys; of several for one action the first is the one to remember. */
export const BINDINGS: readonly Binding[] = [
  on('frameBack', 'ArrowLeft'),
  on('frameForward', 'ArrowRight'),
  on('secondBack', 'ArrowLeft', SHIFT),
  on('secondForward', 'ArrowRight', SHIFT),
  on('tenBack', 'ArrowLeft', CONTROL),
  on('tenForward', 'ArrowRight', CONTROL),
  on('minuteBack', 'PageUp'),
  on('minuteForward', 'PageDown'),
  on('minuteBack', 'ArrowLeft', { control: true, shift: true }),
  on('minuteForward', 'ArrowRight', { control: true, shift: true }),
  on('keyframeBack', 'ArrowLeft', { alt: true }),
  on('keyframeForward', 'ArrowRight', { alt: true }),
  on('start', 'Home'),
  on('end', 'End'),
  on('edgeBack', 'BracketLeft'),
  on('edgeForward', 'BracketRight'),
  on('edgeBack', 'ArrowUp'),
  on('edgeForward', 'ArrowDown'),
  on('goTo', 'KeyG'),
  on('playPause', 'Space'),
  on('shuttleBack', 'KeyJ'),
  on('shuttleStop', 'KeyK'),
  on('shuttleForward', 'KeyL'),
  on('loop', 'KeyL', SHIFT),
  on('playSeam', 'KeyP'),
  on('playResult', 'KeyP', SHIFT),
  on('mute', 'KeyM'),
  on('fullScreen', 'KeyF'),
  on('twoUp', 'KeyT'),
  on('setIn', 'KeyI'),
  on('setOut', 'KeyO'),
  on('dropMarks', 'Escape'),
  on('removeMarked', 'KeyX'),
  on('split', 'KeyS'),
  on('merge', 'KeyS', SHIFT),
  on('deleteSpan', 'Delete'),
  on('deleteSpan', 'Backspace'),
  on('invert', 'KeyV', SHIFT),
  on('nudgeBack', 'Comma'),
  on('nudgeForward', 'Period'),
  on('snapAll', 'KeyA', SHIFT),
  on('acceptBreak', 'KeyB'),
  on('acceptBreaks', 'KeyB', SHIFT),
  on('dismissBreak', 'KeyD'),
  on('undo', 'KeyZ', CONTROL),
  on('redo', 'KeyZ', { control: true, shift: true }),
  on('redo', 'KeyY', CONTROL),
  on('cut', 'Enter', CONTROL),
  on('zoomIn', 'Equal'),
  on('zoomIn', 'NumpadAdd'),
  on('zoomOut', 'Minus'),
  on('zoomOut', 'NumpadSubtract'),
  on('zoomAll', 'Digit0'),
  on('zoomFrames', 'Digit1'),
  on('zoomSpan', 'Digit2'),
  on('snapping', 'KeyN'),
  on('help', 'Slash', SHIFT),
  on('help', 'F1'),
]

export type Chosen = Partial<Record<Action, readonly Stroke[]>>

/** All bindings, with those that somebody chose in place of the usual ones of an action. */
export function bindingsWith(chosen: Chosen): readonly Binding[] {
  const own = Object.entries(chosen).flatMap(([action, strokes]) =>
    (strokes ?? []).map((stroke) => ({ ...stroke, action: action as Action })),
  )
  return [...own, ...BINDINGS.filter(({ action }) => !(action in chosen))]
}

export interface KeyStroke {
  code: string
  key: string
  shiftKey: boolean
  ctrlKey: boolean
  metaKey: boolean
  altKey: boolean
}

export function strokeOf({ code, shiftKey, ctrlKey, metaKey, altKey }: KeyStroke): Stroke {
  return {
    code,
    ...(shiftKey ? { shift: true } : {}),
    ...(ctrlKey || metaKey ? { control: true } : {}),
    ...(altKey ? { alt: true } : {}),
  }
}

export function sameStroke(a: Stroke, b: Stroke): boolean {
  return a.code === b.code && !a.shift === !b.shift && !a.control === !b.control && !a.alt === !b.alt
}

/** The action of a key stroke; null if it has none. */
export function matchKey(stroke: KeyStroke, bindings: readonly Binding[] = BINDINGS): Action | null {
  // The question mark lies on another key in every country; here the letter counts.
  if (stroke.key === '?' && !stroke.ctrlKey && !stroke.metaKey && !stroke.altKey) return 'help'
  const pressed = strokeOf(stroke)
  return bindings.find((binding) => sameStroke(binding, pressed))?.action ?? null
}

/**
 * The choice in which `stroke` does `action` alone: it is taken from whatever it did before, and takes the place of the
 * action's other keys.
 */
export function rebound(chosen: Chosen, action: Action, stroke: Stroke): Chosen {
  const next: Record<string, readonly Stroke[]> = { ...chosen } as Record<string, readonly Stroke[]>
  const before = bindingsWith(chosen)
  const other = before.find((one) => sameStroke(one, stroke) && one.action !== action)?.action
  if (other) next[other] = before.filter((one) => one.action === other && !sameStroke(one, stroke)).map(bare)
  next[action] = [stroke]
  return next as Chosen
}

function bare({ code, shift, control, alt }: Binding): Stroke {
  return { code, ...(shift ? { shift } : {}), ...(control ? { control } : {}), ...(alt ? { alt } : {}) }
}

const NAMES: Record<string, string> = {
  ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc', BracketLeft: '[', BracketRight: ']',
  Comma: ',', Period: '.', Slash: '/', Equal: '+', Minus: '−', PageUp: 'Page ↑', PageDown: 'Page ↓', Backspace: '⌫',
  NumpadAdd: 'Num +', NumpadSubtract: 'Num −', Delete: 'Del', Semicolon: ';', Quote: "'", Backquote: '`', Backslash: '\\',
}

/** What stands on a key: `layout` has the letters of the keyboard at hand, where the browser tells them. */
export function labelOf(stroke: Stroke, layout: ReadonlyMap<string, string> | null = null): string {
  const own = layout?.get(stroke.code)
  const usual = NAMES[stroke.code] ?? stroke.code.replace(/^(Key|Digit)/, '')
  const key = own && /^(Key|Bracket|Comma|Period|Slash|Semicolon|Quote|Backquote|Backslash|Minus|Equal)/.test(stroke.code) ? own.toUpperCase() : usual
  return [stroke.control ? 'Ctrl' : '', stroke.alt ? 'Alt' : '', stroke.shift ? 'Shift' : '', key].filter(Boolean).join(' ')
}
