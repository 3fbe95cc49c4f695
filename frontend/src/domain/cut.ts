import type { CutOptions, CutOrder } from '@/api/types'

export type Output = CutOptions['outputs'][number]
export type Container = 'same' | 'ts' | 'mkv' | 'mp4'

/** The part of an order that says where the result goes and what kind of file it is. */
export function targetOf(output: Output, container: Container, chapters: boolean): Partial<CutOrder> {
  // In place the file stays what it is, name and all.
  if (output === 'replace') return { output }
  return { output, ...(container === 'same' ? {} : { container }), ...(chapters ? { chapters } : {}) }
}
