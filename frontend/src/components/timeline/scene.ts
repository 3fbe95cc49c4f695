/** What the time line shows: everything that its painting needs, and nothing else. */

import type { TilePicture } from '@/composables/useTiles'
import type { Clock } from '@/domain/clock'
import type { KeepList } from '@/domain/spans'
import type { View } from '@/domain/view'
import type { WaveStretch } from '@/domain/wave'

import type { Layout } from './layout'

export interface Palette {
  surface: string
  ink: string
  dim: string
  faint: string
  kept: string
  on_kept: string
  mark: string
  info: string
  veil: string
  hatch: string
  line: string
  stage: string
}

export interface Stretch {
  start: number
  end: number
  kind: 'chapter' | 'intro' | 'credits' | 'commercial' | 'other'
  label: string
}

export interface Scene {
  layout: Layout
  palette: Palette
  view: View
  total: number
  clock: Clock
  list: KeepList
  /** Index of the span that the shown frame lies in; -1: none. */
  current: number
  level: number
  pictureOf: (level: number, slot: number) => TilePicture | null
  waves: readonly WaveStretch[]
  keyframes: ArrayLike<number>
  copies: { starts: readonly number[]; ends: readonly number[] }
  stretches: readonly Stretch[]
  /** Breaks that are proposed and not decided on, and what to write on them. */
  proposed: readonly { start: number; end: number }[]
  proposedLabel: string
  /** Frames, half-open. */
  silences: readonly (readonly [number, number])[]
  black: readonly number[]
  mark_in: number | null
  mark_out: number | null
}

export interface OverlayScene {
  layout: Layout
  palette: Palette
  view: View
  total: number
  /** The frame that is shown. */
  cursor: number
  /** The place under the pointer; null: none. */
  hover: number | null
  /** The frame that the pointer has caught on, and what kind of place it is. */
  caught: number | null
}

/** The colours of the page's theme, as they are now. */
export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element)
  const theme = (name: string, alpha = 1): string => {
    const rgb = style.getPropertyValue(`--v-theme-${name}`).trim()
    return `rgba(${rgb || '128,128,128'}, ${alpha})`
  }
  return {
    surface: theme('surface'),
    ink: theme('on-surface'),
    dim: theme('on-surface', 0.72),
    faint: theme('on-surface', 0.3),
    kept: theme('primary'),
    on_kept: theme('on-primary'),
    mark: theme('secondary'),
    info: theme('info'),
    veil: theme('background', 0.66),
    hatch: theme('on-surface', 0.2),
    line: theme('on-surface', 0.14),
    stage: style.getPropertyValue('--pc-stage').trim() || '#0b0e0d',
  }
}
