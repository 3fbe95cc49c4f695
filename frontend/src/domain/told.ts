/** What the server says, which it does in English, in the language of the page: by the code of the failure. */

export interface Told {
  message: string
  hint: string
}

interface Words {
  locale: string
  has: (key: string) => boolean
  text: (key: string) => string
}

/**
 * `said` in the page's language. English stays as it is: it names the file, the folder, the number. In another language the sentence of the
 * code comes first, then what to do, and at last the server's own words with those details.
 */
export function toldIn(words: Words, said: Told & { code: string | null }, kind: 'failure' | 'check' = 'failure'): Told {
  const { code, message, hint } = said
  const key = `${kind}.${code ?? ''}`
  if (!code || !words.has(`${key}.message`)) return { message, hint }
  if (words.locale === 'en' && message) return { message, hint }
  const details = message ? `(${message})` : ''
  return { message: words.text(`${key}.message`), hint: [words.has(`${key}.hint`) ? words.text(`${key}.hint`) : '', details].filter(Boolean).join(' ') }
}
