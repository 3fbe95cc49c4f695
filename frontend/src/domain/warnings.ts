/** What a plan warns of, which the server says in English, in the language of the page: by the shape of the sentence. */

import shapes from './warnings.json'

export interface Sayer {
  locale: string
  say: (key: string, values: Record<string, string>) => string
}

const MORE = / and (\d+) more places$/

/** A warning in the page's language; one of a shape that is not known stays as it is. */
export function warningIn(sayer: Sayer, warning: string): string {
  if (sayer.locale === 'en') return warning
  for (const { code, pattern } of shapes) {
    const found = new RegExp(pattern, 'u').exec(warning)?.groups
    if (!found) continue
    const places = found.places?.replace(MORE, (_, n: string) => ` ${sayer.say('warning.more', { n })}`)
    return sayer.say(`warning.${code}`, { ...found, ...(places ? { places } : {}) })
  }
  return warning
}
