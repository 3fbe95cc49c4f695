/** What an audio track is called. */

export interface TrackFacts {
  codec: string
  language: string | null
  channels: number | null
}

const CODECS: Record<string, string> = {
  ac3: 'AC-3', eac3: 'E-AC-3', mp2: 'MP2', mp3: 'MP3', aac: 'AAC', aac_latm: 'AAC', dts: 'DTS', opus: 'Opus', vorbis: 'Vorbis',
}

function layoutName(channels: number | null): string {
  if (channels === null) return ''
  return { 1: 'Mono', 2: 'Stereo', 6: '5.1', 8: '7.1' }[channels] ?? String(channels)
}

/** `German, AC-3, 5.1`; `fallback` where the language is not known. ISO 639-2 has codes for several and for none. */
export function trackName(track: TrackFacts, locale: string, fallback: string): string {
  const { language } = track
  let name = fallback
  if (language && !['und', 'mul', 'mis', 'zxx', 'qaa', 'qks', 'nar'].includes(language)) {
    try {
      name = new Intl.DisplayNames([locale], { type: 'language', fallback: 'none' }).of(bibliographic(language)) ?? language
    } catch {
      name = language
    }
  } else if (language && language !== 'und') {
    name = `${fallback} (${language})`
  }
  return [name, CODECS[track.codec] ?? track.codec.toUpperCase(), layoutName(track.channels)].filter(Boolean).join(' · ')
}

/** Broadcasters use the bibliographic codes, browsers know the terminological ones. */
function bibliographic(code: string): string {
  return (
    { ger: 'deu', fre: 'fra', dut: 'nld', cze: 'ces', gre: 'ell', chi: 'zho', ice: 'isl', rum: 'ron', slo: 'slk', wel: 'cym' }[code] ?? code
  )
}
