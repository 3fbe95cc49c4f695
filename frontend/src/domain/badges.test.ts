import { describe, expect, it } from 'vitest'

import type { Version } from '@/api/types'

import { badgesOf } from './badges'

const versions = [{ recording: 'a' }, { recording: 'b' }] as Version[]

describe('badgesOf', () => {
  it('tells what was done, and what is under way', () => {
    expect(badgesOf({ edits: null, versions }, () => false)).toEqual([])
    expect(badgesOf({ edits: { kept: true, cut: false, proposed: false }, versions }, () => false)).toEqual(['kept'])
    expect(badgesOf({ edits: { kept: false, cut: false, proposed: true }, versions }, () => false)).toEqual(['proposed'])
    expect(badgesOf({ edits: { kept: true, cut: true, proposed: false }, versions }, () => false)).toEqual(['cut'])
    expect(badgesOf({ edits: { kept: true, cut: false, proposed: false }, versions }, (one) => one === 'b')).toEqual(['cutting', 'kept'])
  })
})
