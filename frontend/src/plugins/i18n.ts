import { createI18n } from 'vue-i18n'

import de from '@/locales/de.json'
import en from '@/locales/en.json'

export type Locale = 'en' | 'de'

const STORED = 'plexcut.locale'

function firstLocale(): Locale {
  const wanted = [localStorage.getItem(STORED), ...navigator.languages]
  for (const name of wanted) {
    if (name?.startsWith('de')) return 'de'
    if (name?.startsWith('en')) return 'en'
  }
  return 'en'
}

export const i18n = createI18n({
  legacy: false,
  locale: firstLocale(),
  fallbackLocale: 'en',
  messages: { en, de },
})

document.documentElement.lang = i18n.global.locale.value

export function setLocale(locale: Locale): void {
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
  localStorage.setItem(STORED, locale)
}
