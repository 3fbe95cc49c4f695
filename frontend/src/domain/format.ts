/** Sizes, durations and the like as people read them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** `4.1 GB`: powers of 1000, three significant digits at most, never broken over two lines. */
export function formatBytes(size_bytes: number, locale: string): string {
  let value = Math.max(0, size_bytes)
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toLocaleString(locale, { maximumFractionDigits: digits })}\u00a0${UNITS[unit] ?? ''}`
}

/** `1 h 32 min`, `12 min 5 s`, `8 s`: the two largest units. */
export function formatDuration(duration_s: number): string {
  const total = Math.max(0, Math.round(duration_s))
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor(total / 60) % 60
  const seconds = total % 60
  if (hours > 0) return minutes > 0 ? `${hours}\u00a0h ${minutes}\u00a0min` : `${hours}\u00a0h`
  if (minutes > 0) return seconds > 0 ? `${minutes}\u00a0min ${seconds}\u00a0s` : `${minutes}\u00a0min`
  return `${seconds}\u00a0s`
}

export function formatCount(count: number, locale: string): string {
  return count.toLocaleString(locale)
}

const CODECS: Record<string, string> = {
  h264: 'H.264',
  avc: 'H.264',
  avc1: 'H.264',
  hevc: 'HEVC',
  h265: 'HEVC',
  mpeg2video: 'MPEG-2',
  mpeg1video: 'MPEG-1',
  mpeg4: 'MPEG-4',
  av1: 'AV1',
  vp9: 'VP9',
  vc1: 'VC-1',
}

/** The name of a codec as it is printed on boxes. */
export function formatCodec(codec: string): string {
  return CODECS[codec.toLowerCase()] ?? codec.toUpperCase()
}

/** The last part of a path of any system. */
export function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path
}

/** What a cut beside the original is called; a number is added where that name is taken. */
export function cutName(fileName: string): string {
  const dot = fileName.lastIndexOf('.')
  return dot > 0 ? `${fileName.slice(0, dot)} cut${fileName.slice(dot)}` : `${fileName} cut`
}
