import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'

import type { Item } from '@/api/types'
import { usePicks } from '@/stores/picks'

import { usePicking } from './usePicking'

const items = Array.from({ length: 10 }, (_, n) => ({ id: `i${n}`, type: 'movie', title: `${n}`, versions: [{ recording: `r${n}` }] }) as Item)

let scope = effectScope()

function picking(list: (Item | undefined)[] = items) {
  const found = scope.run(() => usePicking({ items: () => list, fetch: (first, end) => Promise.resolve(items.slice(first, end)) }))
  if (!found) throw new Error('no picking')
  return found
}

const picked = (): string => [...usePicks().picked.keys()].map((id) => id.slice(1)).sort().join('')
const key = (name: string, more: KeyboardEventInit = {}): KeyboardEvent => new KeyboardEvent('keydown', { key: name, cancelable: true, ...more })
const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

describe('picking', () => {
  beforeEach(() => {
    sessionStorage.clear()
    setActivePinia(createPinia())
    scope = effectScope()
    vi.stubGlobal('fetch', () => Promise.resolve(Response.json({ keeps: [{ recording: 'r2' }], total: 1 })))
  })

  afterEach(() => scope.stop())

  it('has its keys anywhere on the page, once it has begun', async () => {
    picking()
    const press = (name: string, more: KeyboardEventInit = {}, target: Element = document.body): boolean =>
      !target.dispatchEvent(new KeyboardEvent('keydown', { key: name, cancelable: true, bubbles: true, ...more }))
    const all = { code: 'KeyA', ctrlKey: true }
    expect(press('a', all)).toBe(false)
    usePicks().picking = true
    const search = document.body.appendChild(document.createElement('input'))
    expect(press('a', all, search)).toBe(false)
    expect(press('a', all)).toBe(true)
    await later()
    expect(picked()).toBe('0123456789')
    expect(press('Escape')).toBe(true)
    expect(usePicks().active).toBe(false)
    search.remove()
  })

  it('draws a range from the last one, and draws it anew', async () => {
    const list = picking([items[0], items[1], ...Array.from({ length: 8 }, () => undefined)])
    list.toggle(1)
    await list.extend(5)
    expect(picked()).toBe('12345')
    await list.extend(3)
    expect(picked()).toBe('123')
    await list.extend(0)
    expect(picked()).toBe('01')
  })

  it('keeps what was picked before the range', async () => {
    const list = picking()
    list.toggle(9)
    list.toggle(2)
    await list.extend(4)
    expect(picked()).toBe('2349')
    list.loosen()
    await list.extend(7, 6)
    expect(picked()).toBe('2346' + '79')
  })

  it('goes by keys', async () => {
    const list = picking()
    expect(list.onKey(key(' '), 3)).toBe(true)
    expect(picked()).toBe('3')
    expect(list.onKey(key('a', { code: 'KeyA', ctrlKey: true }), 3)).toBe(true)
    await later()
    expect(picked()).toBe('0123456789')
    expect(usePicks().keptCount).toBe(1)
    expect(list.onKey(key('Escape'), 3)).toBe(true)
    expect(picked()).toBe('')
    expect(list.onKey(key('Escape'), 3)).toBe(false)
    expect(list.onKey(key('ArrowDown'), 3)).toBe(false)
  })

  it('takes a finger that stays, and no click after it', () => {
    vi.useFakeTimers()
    const list = picking()
    const down = { pointerType: 'touch', isPrimary: true, clientX: 5, clientY: 5 } as PointerEvent
    list.onPointerDown(down, 4)
    list.onPointerMove({ clientX: 40, clientY: 5 } as PointerEvent)
    vi.advanceTimersByTime(600)
    expect(picked()).toBe('')
    list.onPointerDown(down, 4)
    vi.advanceTimersByTime(600)
    expect(picked()).toBe('4')
    const click = new MouseEvent('click', { cancelable: true, detail: 1 })
    list.onClick(click, 4)
    expect([click.defaultPrevented, picked()]).toEqual([true, '4'])
    list.onClick(new MouseEvent('click', { cancelable: true, detail: 1 }), 5)
    expect(picked()).toBe('45')
    vi.useRealTimers()
  })
})
