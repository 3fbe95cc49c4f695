import { createVuetify, type ThemeDefinition } from 'vuetify'
import { aliases, mdi } from 'vuetify/iconsets/mdi-svg'

/**
 * Neutral greys with a trace of green, so that no surface tints the picture beside it. `primary` is what is kept,
 * `secondary` the grease pencil: the playhead, the marks and the seams.
 */
const light: ThemeDefinition = {
  dark: false,
  colors: {
    background: '#f3f5f4',
    surface: '#ffffff',
    'surface-light': '#f7f9f8',
    'surface-bright': '#ffffff',
    'surface-variant': '#3d4744',
    'on-surface-variant': '#eef2f0',
    'on-background': '#151b19',
    'on-surface': '#151b19',
    primary: '#0b6b55',
    'on-primary': '#ffffff',
    secondary: '#b5480b',
    'on-secondary': '#ffffff',
    error: '#b3261e',
    'on-error': '#ffffff',
    warning: '#8a5a00',
    'on-warning': '#ffffff',
    success: '#0b6b55',
    'on-success': '#ffffff',
    info: '#2f5f73',
    'on-info': '#ffffff',
  },
  variables: { 'border-color': '#15201c', 'border-opacity': 0.13, 'medium-emphasis-opacity': 0.72 },
}

const dark: ThemeDefinition = {
  dark: true,
  colors: {
    background: '#111514',
    surface: '#191f1d',
    'surface-light': '#212826',
    'surface-bright': '#2a3330',
    'surface-variant': '#c4cfcb',
    'on-surface-variant': '#1a211e',
    'on-background': '#e6ecea',
    'on-surface': '#e6ecea',
    primary: '#56d3b1',
    'on-primary': '#00281d',
    secondary: '#ff9c57',
    'on-secondary': '#331300',
    error: '#ffb4a9',
    'on-error': '#5b0b05',
    warning: '#f2c14e',
    'on-warning': '#2f2100',
    success: '#56d3b1',
    'on-success': '#00281d',
    info: '#9ccfe2',
    'on-info': '#062b38',
  },
  variables: { 'border-color': '#e6f2ee', 'border-opacity': 0.13, 'medium-emphasis-opacity': 0.72 },
}

const darkQuery = window.matchMedia('(prefers-color-scheme: dark)')

export const vuetify = createVuetify({
  icons: { defaultSet: 'mdi', aliases, sets: { mdi } },
  theme: { defaultTheme: darkQuery.matches ? 'dark' : 'light', themes: { light, dark } },
  display: { mobileBreakpoint: 'md' },
  defaults: {
    global: { ripple: false },
    VBtn: { variant: 'text', rounded: 'lg' },
    VCard: { rounded: 'lg', elevation: 0 },
    VTextField: { variant: 'outlined', density: 'comfortable', hideDetails: 'auto', color: 'primary' },
    VSelect: { variant: 'outlined', density: 'comfortable', hideDetails: 'auto', color: 'primary' },
    VAlert: { variant: 'tonal', rounded: 'lg', border: 'start' },
    // Under a finger a tooltip only covers what was tapped.
    VTooltip: { openDelay: 450, location: 'bottom', disabled: !window.matchMedia('(hover: hover)').matches },
    VProgressLinear: { color: 'primary', rounded: true },
    VDialog: { scrollable: true },
  },
})

// The page follows the system, also while it is open.
darkQuery.addEventListener('change', (event) => {
  vuetify.theme.change(event.matches ? 'dark' : 'light')
})
