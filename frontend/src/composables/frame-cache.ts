import { getFrame, type FrameQuery } from '@/api/endpoints'

export interface LoadedFrame {
  /** Address of the picture, good until it leaves the cache. */
  url: string
  frame: number | null
  time_s: number | null
  /** Whether it has the size that the screen shows. */
  sharp: boolean
}

interface Running {
  controller: AbortController
  promise: Promise<LoadedFrame>
}

/** Pictures of one recording by frame number; a request for a picture that is on its way is joined, not repeated. */
export class FrameCache {
  private readonly loaded = new Map<string, LoadedFrame>()
  private readonly running = new Map<string, Running>()
  /** Addresses of pictures whose number is not known yet: shown, but asked for again. */
  private provisional: string[] = []
  private closed = false

  constructor(
    private readonly recording: string,
    private readonly kind: { width: () => number; sharp: boolean; capacity: number },
  ) {}

  private key(query: FrameQuery): string {
    return query.n === undefined ? `at:${query.at}` : `n:${query.n}`
  }

  /** The picture if it is in memory. */
  peek(query: FrameQuery): LoadedFrame | null {
    const key = this.key(query)
    const known = this.loaded.get(key)
    if (!known) return null
    this.loaded.delete(key)
    this.loaded.set(key, known)
    return known
  }

  /** The picture, from memory if it is there. Rejects with an AbortError when `abortExcept` cancels it. */
  get(query: FrameQuery): Promise<LoadedFrame> {
    const known = this.peek(query)
    if (known) return Promise.resolve(known)
    const key = this.key(query)
    const running = this.running.get(key)
    if (running) return running.promise
    const controller = new AbortController()
    const promise = this.load(query, controller.signal).finally(() => {
      if (this.running.get(key)?.controller === controller) this.running.delete(key)
    })
    this.running.set(key, { controller, promise })
    return promise
  }

  private async load(query: FrameQuery, signal: AbortSignal): Promise<LoadedFrame> {
    const { blob, frame, time_s } = await getFrame(this.recording, { ...query, width: this.kind.width() }, signal)
    const url = URL.createObjectURL(blob)
    const picture = new Image()
    picture.src = url
    try {
      await picture.decode()
    } catch (error) {
      URL.revokeObjectURL(url)
      throw error
    }
    if (this.closed || signal.aborted) {
      URL.revokeObjectURL(url)
      throw new DOMException('closed', 'AbortError')
    }
    const result: LoadedFrame = { url, frame, time_s, sharp: this.kind.sharp }
    // A time is only remembered as the frame that it turned out to be: the same picture is then kept once.
    if (frame === null) this.provisional.push(url)
    else this.store(`n:${frame}`, result)
    return result
  }

  private store(key: string, result: LoadedFrame): void {
    const before = this.loaded.get(key)
    // The old address may be on the screen right now; the new picture is the same one.
    if (before) {
      if (before.url !== result.url) URL.revokeObjectURL(result.url)
      result.url = before.url
      return
    }
    this.loaded.set(key, result)
    while (this.loaded.size > this.kind.capacity) {
      const [oldest, picture] = this.loaded.entries().next().value as [string, LoadedFrame]
      this.loaded.delete(oldest)
      URL.revokeObjectURL(picture.url)
    }
  }

  /** Cancels every request but the one for `query`. */
  abortExcept(query: FrameQuery | null): void {
    const spared = query ? this.key(query) : null
    for (const [key, { controller }] of this.running) {
      if (key === spared) continue
      controller.abort()
      this.running.delete(key)
    }
  }

  /** Forgets all pictures, as when a larger size is wanted. */
  clear(): void {
    this.abortExcept(null)
    for (const url of [...this.provisional, ...[...this.loaded.values()].map((one) => one.url)]) URL.revokeObjectURL(url)
    this.provisional = []
    this.loaded.clear()
  }

  close(): void {
    this.closed = true
    this.clear()
  }
}
