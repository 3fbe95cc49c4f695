import { toldIn, type Told } from '@/domain/told'
import { warningIn } from '@/domain/warnings'

import { i18n } from './i18n'

/** What the server says, in the language that the page has now. */
export function told(said: Told & { code: string | null }, kind: 'failure' | 'check' = 'failure'): Told {
  const { t, te, locale } = i18n.global
  return toldIn({ locale: locale.value, has: (key) => te(key, 'en'), text: (key) => t(key) }, said, kind)
}

/** What a plan warns of, in the language that the page has now. */
export function warned(warning: string): string {
  const { t, locale } = i18n.global
  return warningIn({ locale: locale.value, say: (key, values) => t(key, values) }, warning)
}
