import type { IncomingMessage, ServerResponse } from 'node:http'

import { episodes, FPS, FRAMES, items, libraries, movies, picture, poster, seasons, sections, shows } from './data.ts'

interface MockJob {
  id: string
  state: string
  percent: number
  phase: string
  eta_s: number | null
  [key: string]: unknown
}

const keeps = new Map<string, { keep: [number, number][]; revision: number }>()
const opened = new Map<string, number>()
const jobs: MockJob[] = []
const listeners = new Set<ServerResponse>()
let selected = movies[0]

class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

function broadcast(event: string, data: object): void {
  for (const listener of listeners) listener.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text ? (JSON.parse(text) as Record<string, unknown>) : {}
}

function frameOf(written: unknown): number {
  const text = String(written)
  return text.startsWith('#') ? Number(text.slice(1)) : Math.ceil(Number(text) * FPS - 1e-9)
}

function keepOf(recording: string): { keep: [number, number][]; revision: number } {
  return keeps.get(recording) ?? { keep: [], revision: 0 }
}

function keepAnswer(recording: string): object {
  const { keep, revision } = keepOf(recording)
  return { keep: keep.map(([a, b]) => [a / FPS, b / FPS]), keep_frames: keep, revision, fingerprint: 'f1' }
}

function recordingAnswer(id: string): object {
  const since = opened.get(id) ?? Date.now()
  opened.set(id, since)
  const percent = Math.min(100, (Date.now() - since) / 15)
  const ready = percent >= 100
  const item = items.find((one) => one.versions.some((version) => version.recording === id))
  if (!item) throw new Failure(404, 'recording_not_found', 'there is no such recording')
  const probe = ready
    ? { duration_s: FRAMES / FPS, frames: FRAMES, fps: FPS, keyframes: 2100, video: { codec: 'h264', width: 1280, height: 720, interlaced: false }, audio: [] }
    : { duration_s: null, frames: null, fps: null, keyframes: null, video: null, audio: null }
  return {
    id, title: item.title, item: item.id, path_name: `${item.title}.ts`, fingerprint: 'f1', keep_revision: 0,
    index: { state: ready ? 'ready' : 'building', percent, error: null }, ...probe,
  }
}

function planOf(keep: [unknown, unknown][]): object {
  const frames = keep.reduce((sum, [a, b]) => sum + frameOf(b) - frameOf(a), 0)
  const again = Math.min(frames, keep.length * 31)
  return {
    frames, frames_copied: frames - again, frames_reencoded: again, duration_s: frames / FPS, bytes: frames * 21_000,
    warnings: [], keep: [], keep_frames: [],
  }
}

function startJob(recording: string, from: MockJob | null): MockJob {
  const item = items.find((one) => one.id === recording.slice(0, -2))
  const job: MockJob = {
    ...from,
    id: `j${jobs.length + 1}`, kind: 'cut', state: 'queued', title: item?.title ?? recording, recording, phase: 'starting',
    percent: 0, eta_s: null, created_at: Date.now() / 1000, started_at: null, ended_at: null, result: null, error: null,
  }
  jobs.push(job)
  const timer = setInterval(() => {
    if (job.state === 'cancelled') clearInterval(timer)
    else if (job.percent >= 100) {
      clearInterval(timer)
      Object.assign(job, { state: 'finished', eta_s: null, ended_at: Date.now() / 1000, result: { path: `/media/Movies/${job['title'] as string} cut.ts`, duration_s: 1320, bytes: 1_386_000_000, verified: true } })
    } else {
      job.state = 'running'
      job.percent = Math.min(100, job.percent + 4)
      job.phase = job.percent > 80 ? 'verify' : 'write'
      job.eta_s = (100 - job.percent) / 8
    }
    broadcast('job', job)
  }, 400)
  return job
}

function paged(list: readonly { title: string }[], query: URLSearchParams): object {
  const search = (query.get('search') ?? '').toLowerCase()
  const found = list.filter((one) => one.title.toLowerCase().includes(search))
  found.sort((a, b) => a.title.localeCompare(b.title))
  const offset = Number(query.get('offset') ?? 0)
  return { items: found.slice(offset, offset + Number(query.get('limit') ?? 100)), total: found.length }
}

async function answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<object | null> {
  const method = request.method ?? 'GET'
  const [, root, kind, id = '', ...rest] = url.pathname.split('/').map(decodeURIComponent)
  const below = rest.join('/')
  if (root === 'static') return image(response, picture(Number(/(\d+)\.svg$/.exec(url.pathname)?.[1] ?? 0), 240))
  switch (kind) {
    case 'session':
      return { login_required: false, authenticated: true }
    case 'events':
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
      response.write(': hello\n\n')
      listeners.add(response)
      request.on('close', () => listeners.delete(response))
      return null
    case 'libraries':
      if (!id) return { libraries, total: libraries.length }
      if (below === 'sections') return { sections: sections[id] ?? [], total: 1 }
      return paged(below.includes('shows') ? shows : movies, url.searchParams)
    case 'items': {
      const item = items.find((one) => one.id === id)
      if (!item) throw new Failure(404, 'item_not_found', 'there is no such item')
      if (below === 'thumb') return image(response, item.type === 'episode' ? picture(item.title.length * 4321, 320) : poster(item.title))
      if (below === 'children') {
        const children = [...seasons, ...episodes].filter((one) => one.parent === id)
        return { items: children, total: children.length }
      }
      return item
    }
    case 'selection': {
      const change = await bodyOf(request)
      selected = items.find((one) => one.id === change['movie']) ?? selected
      return { library: 'home', section: null, movie: selected, pos_s: 0, eta_s: null }
    }
    case 'timeline': {
      const order = (await bodyOf(request)) as { pos: number; l: number; r: number; step: number }
      const recording = selected?.recording
      const frames = Array.from({ length: order.r - order.l + 1 }, (_, at) => {
        const k = order.l + at
        const n = Math.max(0, Math.min(FRAMES - 1, Math.floor((order.pos + k * order.step) * FPS + 1e-6)))
        return { k, pos_s: n / FPS, frame: n, time_s: n / FPS, url: `/static/${recording}/${n}.svg` }
      })
      return { frames, total: frames.length }
    }
    case 'recordings':
      return recording(request, response, url, id, below)
    case 'jobs': {
      if (!id) return { jobs, total: jobs.length }
      const job = jobs.find((one) => one.id === id)
      if (!job) throw new Failure(404, 'job_not_found', 'there is no such job')
      if (method === 'DELETE') job.state = 'cancelled'
      return below === 'retry' ? startJob(String(job['recording']), job) : job
    }
    default:
      throw new Failure(404, 'route_not_found', url.pathname)
  }
}

async function recording(
  request: IncomingMessage, response: ServerResponse, url: URL, id: string, below: string,
): Promise<object | null> {
  if (below === '') return recordingAnswer(id)
  if (below === 'frame') {
    const at = url.searchParams.get('at')
    const n = at === null ? Number(url.searchParams.get('n')) : Math.floor(Number(at) * FPS + 1e-6)
    if (!(n >= 0 && n < FRAMES)) throw new Failure(422, 'position_invalid', 'that lies outside the recording')
    response.setHeader('X-Frame-Number', n)
    response.setHeader('X-Frame-Time', (n / FPS).toFixed(6))
    await new Promise((done) => setTimeout(done, 40))
    return image(response, picture(n, Number(url.searchParams.get('width') ?? 1280)))
  }
  const body = await bodyOf(request)
  if (below === 'keep') {
    if (request.method === 'PUT') {
      const { revision } = keepOf(id)
      if (body['revision'] !== revision) throw new Failure(409, 'stale_revision', 'somebody else saved this list')
      const keep = (body['keep'] as [unknown, unknown][]).map(([a, b]): [number, number] => [frameOf(a), frameOf(b)])
      keeps.set(id, { keep, revision: revision + 1 })
      broadcast('keep', { recording: id, revision: revision + 1, keep: [] })
    }
    return keepAnswer(id)
  }
  if (below === 'plan') return planOf(body['keep'] as [unknown, unknown][])
  if (below === 'cut') return startJob(id, null)
  throw new Failure(404, 'route_not_found', url.pathname)
}

function image(response: ServerResponse, svg: string): null {
  response.setHeader('Content-Type', 'image/svg+xml')
  response.end(svg)
  return null
}

export async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const body = await answer(request, response, new URL(request.url ?? '/', 'http://mock'))
    if (body === null) return
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(body))
  } catch (error) {
    const failure = error instanceof Failure ? error : new Failure(500, 'internal', String(error))
    response.statusCode = failure.status
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify({ error: { code: failure.code, message: failure.message, hint: '' } }))
  }
}
