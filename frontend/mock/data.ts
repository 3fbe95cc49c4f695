import type { Item, Version } from '../src/api/types.ts'

/** A made-up library: movies, shows, one offline Plex server, and recordings whose pictures carry their number. */

export const FPS = 50
export const FRAMES = 90_000

export const libraries = [
  { id: 'home', name: 'Recordings', kind: 'folder', online: true, message: '' },
  { id: 'plex', name: 'Living room', kind: 'plex', online: false, message: 'http://192.0.2.10:32400 does not answer' },
]

export const sections: Record<string, { id: string; title: string; section_type: string }[]> = {
  home: [
    { id: 'home~movies', title: 'Movies', section_type: 'movie' },
    { id: 'home~shows', title: 'Shows', section_type: 'show' },
  ],
  plex: [{ id: 'plex~1', title: 'TV films', section_type: 'movie' }],
}

const TITLES = [
  'The Long Harbour', 'Der Nebel über dem Moor', 'Signal', 'Northern Line', 'Ein Sommer auf Rügen', 'The Glassmaker',
  'Kite Season', 'Tatort: Stille Wasser', 'A Quiet Verdict', 'Orbit', 'Die Kartenleserin', 'Two Rivers', 'Winterfell Road',
  'Paper Tigers', 'The Clockmaker of Prague', 'Strandgut', 'Halfway House', 'Mountain Rescue', 'Lichtspiel', 'Zenith',
]

const codecs = ['h264', 'mpeg2video', 'hevc']

function version(recording: string, at: number, label: string): Version {
  const codec = codecs[at % 3] ?? 'h264'
  return {
    recording,
    label,
    container: 'ts',
    video_codec: codec,
    width: codec === 'mpeg2video' ? 720 : 1280,
    height: codec === 'mpeg2video' ? 576 : 720,
    size_bytes: 1_800_000_000 + at * 317_000_000,
    duration_s: FRAMES / FPS,
    part: 1,
    parts: 1,
  }
}

function item(id: string, type: Item['type'], title: string, more: Partial<Item>): Item {
  return {
    id, type, title, library: 'home', section: 'home~movies', year: null, added_at: 1_790_000_000, duration_s: null,
    recording: null, parent: null, show: null, index: null, parent_index: null, show_title: null, summary: null, air_date: null, channel: null,
    thumb: null, versions: [], edits: null, ...more,
  }
}

export const movies = Array.from({ length: 140 }, (_, at) => {
  const title = TITLES[at % TITLES.length] ?? ''
  const id = `home~m${at}`
  const versions = [version(`${id}.r`, at, '720p H.264')]
  if (at % 7 === 2) versions.push(version(`${id}.s`, at + 1, '576i MPEG-2'))
  return item(id, 'movie', at < TITLES.length ? title : `${title} ${Math.floor(at / TITLES.length) + 1}`, {
    year: 1980 + ((at * 7) % 45),
    duration_s: FRAMES / FPS,
    recording: `${id}.r`,
    thumb: at % 3 === 0 ? null : `/api/items/${id}/thumb`,
    versions,
    edits: { kept: at % 5 === 1, cut: at % 11 === 3 },
  })
})

export const shows = ['Harbour Watch', 'Die Werkstatt', 'Late Edition'].map((title, at) =>
  item(`home~w${at}`, 'show', title, {
    section: 'home~shows',
    year: 2019 + at,
    thumb: `/api/items/home~w${at}/thumb`,
    summary: 'Two detectives, one harbour, and a tide that keeps bringing things back.',
  }),
)

export const seasons = shows.flatMap((show) =>
  [1, 2].map((number) =>
    item(`${show.id}.${number}`, 'season', `Season ${number}`, {
      section: 'home~shows', parent: show.id, show: show.id, index: number, show_title: show.title,
    }),
  ),
)

export const episodes = seasons.flatMap((season) =>
  [1, 2, 3, 4, 5].map((number) => {
    const id = `${season.id}.${number}`
    const versions = [version(`${id}.r`, number, '720p H.264')]
    if (number === 3) versions.push(version(`${id}.s`, number + 1, '576i MPEG-2'))
    return item(id, 'episode', ['Low Tide', 'The Ferry', 'Salt', 'Undertow', 'Landfall'][number - 1] ?? '', {
      section: 'home~shows',
      parent: season.id,
      show: season.show,
      index: number,
      parent_index: season.index,
      show_title: season.show_title,
      duration_s: FRAMES / FPS,
      recording: `${id}.r`,
      thumb: `/api/items/${id}/thumb`,
      versions,
    })
  }),
)

export const items = [...movies, ...shows, ...seasons, ...episodes]

/** A picture that says which frame it is: programme is green, adverts are loud. */
export function picture(n: number, width = 1280): string {
  const time_s = n / FPS
  const advert = Math.floor(time_s / 300) % 3 === 2
  const hue = advert ? (Math.floor(time_s / 20) * 67) % 360 : 165 + ((Math.floor(time_s / 8) * 13) % 60)
  const height = Math.round((width * 9) / 16)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 1280 720">
<defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="hsl(${hue} ${advert ? 70 : 30}% ${advert ? 50 : 34}%)"/>
<stop offset="1" stop-color="hsl(${hue + 40} 40% 12%)"/></linearGradient></defs>
<rect width="1280" height="720" fill="url(#g)"/>
<circle cx="${200 + ((n * 3) % 880)}" cy="260" r="90" fill="hsl(${hue + 180} 60% 72%)" opacity=".8"/>
<path d="M0 560 320 400 560 540 860 360 1280 580V720H0z" fill="hsl(${hue} 30% 10%)"/>
${advert ? '' : '<text x="1130" y="90" font-family="sans-serif" font-weight="700" font-size="44" fill="#fff" opacity=".7">ONE</text>'}
<text x="640" y="660" font-family="monospace" font-size="64" text-anchor="middle" fill="#fff">#${n}</text></svg>`
}

export function poster(title: string): string {
  const hue = [...title].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="480" viewBox="0 0 320 480">
<rect width="320" height="480" fill="hsl(${hue} 35% 22%)"/><circle cx="${90 + (hue % 140)}" cy="170" r="120" fill="hsl(${hue + 40} 55% 55%)"/>
<path d="M0 360 320 250V480H0z" fill="hsl(${hue} 40% 12%)"/><text x="24" y="440" font-family="serif" font-size="30" fill="#fff">${title.replace('&', '&amp;')}</text></svg>`
}
