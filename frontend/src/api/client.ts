import { told } from '@/plugins/told'

import type { ErrorBody } from './types'

/** A failure as the server tells it; `status` 0 means that it could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = '',
  ) {
    super(message)
    this.name = 'ApiError'
  }

  get unreachable(): boolean {
    return this.status === 0
  }
}

/** Whether a request ended because we cancelled it, which is no failure. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

/** Any thrown value as an ApiError. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  return new ApiError(0, 'unexpected', error instanceof Error ? error.message : String(error))
}

/** The full address of a path of our server; the page may lie below a path of a reverse proxy. */
export function address(path: string): string {
  const base = new URL(document.baseURI)
  if (path.startsWith(base.pathname)) return new URL(path, base).href
  return new URL(path.replace(/^\//, ''), base).href
}

export type Query = Record<string, string | number | boolean | null | undefined>

/** A path with its query; empty values are left out. */
export function withQuery(path: string, query: Query): string {
  const parts = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') parts.set(name, String(value))
  }
  const text = parts.toString()
  return text ? `${path}?${text}` : path
}

const KEPT_ALIVE_BYTES = 16_000

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  body?: unknown
  signal?: AbortSignal | undefined
  accept?: string
}

type Listener = () => void
let onUnauthorized: Listener = () => undefined

/** Called whenever the server asks for a login. */
export function setUnauthorizedListener(listener: Listener): void {
  onUnauthorized = listener
}

async function readError(response: Response): Promise<ApiError> {
  let body: Partial<ErrorBody> = {}
  try {
    const answer = (await response.json()) as { error?: Partial<ErrorBody> }
    body = answer.error ?? {}
  } catch {
    // An error page of a proxy, or the picture of a failed frame: the status has to do.
  }
  const code = body.code ?? response.headers.get('X-Error-Code') ?? `http_${response.status}`
  const said = told({ code, message: body.message ?? response.statusText, hint: body.hint ?? '' })
  return new ApiError(response.status, code, said.message, said.hint)
}

function unreachable(error: unknown): ApiError {
  const code = 'server_unreachable'
  const said = told({ code, message: error instanceof Error ? error.message : String(error), hint: '' })
  return new ApiError(0, code, said.message, said.hint)
}

/** Sends a request; the answer is a good one, or an ApiError is thrown (an AbortError if it was cancelled). */
export async function send(path: string, options: RequestOptions = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: options.accept ?? 'application/json' }
  const init: RequestInit = { method: options.method ?? 'GET', headers, credentials: 'same-origin' }
  if (options.signal) init.signal = options.signal
  if (options.body !== undefined) {
    headers['Content-Type'] = 'application/json'
    init.body = JSON.stringify(options.body)
    // What is being saved when the page is left is saved all the same; browsers do so for 64 KiB together.
    init.keepalive = options.method === 'PUT' && init.body.length < KEPT_ALIVE_BYTES
  }
  let response: Response
  try {
    response = await fetch(address(path), init)
  } catch (error) {
    if (isAbort(error)) throw error
    throw unreachable(error)
  }
  if (response.ok) return response
  if (response.status === 401) onUnauthorized()
  throw await readError(response)
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await send(path, { signal })).json()) as T
}

export async function sendJson<T>(path: string, method: 'POST' | 'PUT' | 'DELETE', body?: unknown): Promise<T> {
  return (await (await send(path, { method, body })).json()) as T
}
