import { expect, it } from 'vitest'

import type { TrashEntry } from '@/api/types'

import { daysLeft, folderOf, sideFiles } from './trash'

const DAY_S = 86_400

it('counts the days until an entry goes', () => {
  expect(daysLeft({ expires_at: null }, 1000)).toBeNull()
  expect([0.2, 1, 1.5, 30, -3].map((days) => daysLeft({ expires_at: 1000 + days * DAY_S }, 1000))).toEqual([1, 1, 2, 30, 0])
})

it('names the folder and the side files', () => {
  expect(folderOf('/media/Movies/Film.ts')).toBe('/media/Movies')
  expect(folderOf('smb://nas/share/Film.ts')).toBe('smb://nas/share')
  const files = [{ name: 'Film.ts', role: 'recording' }, { name: 'Film.srt', role: 'retimed' }, { name: 'Film.edl', role: 'aside' }]
  expect(sideFiles({ files } as TrashEntry)).toEqual(['Film.srt', 'Film.edl'])
})
