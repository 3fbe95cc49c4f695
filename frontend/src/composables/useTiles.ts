import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'

import { isAbort } from '@/api/client'
import { getBitmap, getFilmstrip } from '@/api/endpoints'
import { BLACK_SAMPLE, blackTiles } from '@/domain/black'
import { keyOf, sheetFrames, SHEET_TILES, wantedSheets, type SheetKey } from '@/domain/tiles'
import type { View } from '@/domain/view'
import { useRecording } from '@/stores/recording'

export interface TilesWish {
  view: View
  level: number
  /** Where a zoom would lead to. */
  cursor: number
  /** Height of a picture in device pixels. */
  height_px: number
}

export interface TilePicture {
  image: ImageBitmap
  /** The frame that it shows. */
  frame: number
  x: number
  y: number
  w: number
  h: number
}

interface Sheet {
  image: ImageBitmap
  tiles: (TilePicture | undefined)[]
  bytes: number
}

/** The browser has six connections for a server; pictures, sound and events need some too. */
const AT_ONCE = 2
const LIMIT_BYTES = 96 << 20
const AGAIN_MS = 4_000

/** The pictures of the filmstrip: what is wanted is loaded, what is not wanted any more is cancelled. */
export function useTiles(wish: Ref<TilesWish | null>) {
  const recording = useRecording()
  /** Counts what has come, so that it is drawn. */
  const revision = shallowRef(0)
  /** Frames whose pictures are black, rising. */
  const black = shallowRef<readonly number[]>([])
  const sheets = new Map<string, Sheet>()
  const running = new Map<string, AbortController>()
  const failed = new Map<string, number>()
  let queue: SheetKey[] = []
  let held_bytes = 0
  let height_px = 0
  let probe: OffscreenCanvasRenderingContext2D | null = null

  function clear(): void {
    for (const controller of running.values()) controller.abort()
    for (const { image } of sheets.values()) image.close()
    running.clear()
    sheets.clear()
    failed.clear()
    queue = []
    held_bytes = 0
  }

  function plan(): void {
    const wanted = wish.value
    if (!wanted || !recording.ready) return
    if (wanted.height_px !== height_px) clear()
    height_px = wanted.height_px
    const keys = wantedSheets(wanted.view, wanted.level, recording.frames, wanted.cursor)
    const names = new Set(keys.map(keyOf))
    for (const [name, controller] of running) if (!names.has(name)) controller.abort()
    queue = keys.filter((key) => !sheets.has(keyOf(key)) && !running.has(keyOf(key)))
    pump()
  }

  function pump(): void {
    const now = performance.now()
    while (running.size < AT_ONCE && queue.length > 0) {
      const key = queue.shift() as SheetKey
      if ((failed.get(keyOf(key)) ?? -Infinity) < now - AGAIN_MS) void load(key)
    }
  }

  async function load(key: SheetKey): Promise<void> {
    const name = keyOf(key)
    const controller = new AbortController()
    const { signal } = controller
    running.set(name, controller)
    try {
      const from = key.sheet * sheetFrames(key.level)
      const to = Math.min(from + sheetFrames(key.level), recording.frames)
      const strip = await getFilmstrip(recording.id, { from, to, step: 2 ** key.level, height: height_px }, signal)
      const image = await getBitmap(strip.url, signal)
      if (signal.aborted) image.close()
      else store(key, image, strip.tiles)
    } catch (caught) {
      if (!isAbort(caught)) failed.set(name, performance.now())
    }
    if (running.get(name) === controller) running.delete(name)
    pump()
  }

  function store(key: SheetKey, image: ImageBitmap, found: readonly { frame: number | null; x: number; y: number; w: number; h: number }[]): void {
    const first = key.sheet * SHEET_TILES
    const tiles: (TilePicture | undefined)[] = []
    for (const { frame, x, y, w, h } of found) {
      if (frame === null) continue
      const slot = Math.floor(frame / 2 ** key.level) - first
      if (slot >= 0 && slot < SHEET_TILES) tiles[slot] ??= { image, frame, x, y, w, h }
    }
    const bytes = image.width * image.height * 4
    sheets.set(keyOf(key), { image, tiles, bytes })
    held_bytes += bytes
    look(image, tiles)
    trim()
    revision.value += 1
  }

  /** Looks for black pictures among new ones. */
  function look(image: ImageBitmap, tiles: readonly (TilePicture | undefined)[]): void {
    const there = tiles.filter((tile): tile is TilePicture => tile !== undefined)
    probe ??= new OffscreenCanvas(SHEET_TILES * BLACK_SAMPLE, BLACK_SAMPLE).getContext('2d', { willReadFrequently: true })
    if (!probe || there.length === 0) return
    there.forEach(({ x, y, w, h }, at) => probe?.drawImage(image, x, y, w, h, at * BLACK_SAMPLE, 0, BLACK_SAMPLE, BLACK_SAMPLE))
    const { data } = probe.getImageData(0, 0, there.length * BLACK_SAMPLE, BLACK_SAMPLE)
    const found = blackTiles(data, there.length).map((at) => there[at]?.frame ?? 0)
    if (found.length > 0) black.value = [...new Set([...black.value, ...found])].sort((a, b) => a - b)
  }

  function trim(): void {
    for (const [name, { image, bytes }] of sheets) {
      if (held_bytes <= LIMIT_BYTES) return
      image.close()
      sheets.delete(name)
      held_bytes -= bytes
    }
  }

  /** The picture of a slot: of this level, or the nearest that a wider level has for it. */
  function pictureOf(level: number, slot: number): TilePicture | null {
    for (let wider = 0; level + wider <= 24; wider += 1) {
      const at = slot >> wider
      const name = keyOf({ level: level + wider, sheet: Math.floor(at / SHEET_TILES) })
      const sheet = sheets.get(name)
      const tile = sheet?.tiles[at % SHEET_TILES]
      if (!sheet || !tile) continue
      // What was used last goes last when room is needed.
      if (wider === 0) {
        sheets.delete(name)
        sheets.set(name, sheet)
      }
      return tile
    }
    return null
  }

  watch([wish, () => recording.ready], plan, { immediate: true })
  watch([() => recording.id, () => recording.opened], () => {
    clear()
    black.value = []
  })
  onScopeDispose(clear)

  return { revision, black, pictureOf }
}

export type Tiles = ReturnType<typeof useTiles>
