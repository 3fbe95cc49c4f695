import { computed, nextTick, onBeforeUnmount, shallowRef, type Ref } from 'vue'

import { movedByKey, placeAt, reordered } from '@/domain/reorder'

const EDGE_PX = 56
const SCROLL_PX = 9

/**
 * A list whose entries are put into another order by hand or by key. Each `<li>` has its id as `data-id` and a handle in
 * it. `commit(id, place)` makes it so, `place` is counted from 0; until it is done the list stays as it was left.
 */
export function useReorder(element: Ref<HTMLElement | null>, ids: () => readonly string[], commit: (id: string, place: number) => Promise<void>) {
  const draft = shallowRef<readonly string[] | null>(null)
  const held = shallowRef<string | null>(null)
  const order = computed(() => {
    const now = ids()
    // What came or went meanwhile counts more than what is being moved.
    return draft.value?.length === now.length && draft.value.every((id) => now.includes(id)) ? draft.value : now
  })
  let pointer_px = 0
  let frame = 0

  function start(event: PointerEvent, id: string): void {
    if (event.button !== 0) return
    event.preventDefault()
    ;(event.currentTarget as HTMLElement).focus({ preventScroll: true })
    held.value = id
    pointer_px = event.clientY
    window.addEventListener('pointermove', onMove)
    window.addEventListener('pointerup', drop)
    window.addEventListener('pointercancel', letGo)
    frame = window.requestAnimationFrame(scroll)
  }

  function onMove(event: PointerEvent): void {
    pointer_px = event.clientY
    follow()
  }

  function follow(): void {
    const id = held.value
    if (!element.value || id === null) return
    const others = [...element.value.querySelectorAll<HTMLElement>(':scope > [data-id]')].filter((one) => one.dataset['id'] !== id)
    const middles_px = others.map((one) => {
      const { top, height } = one.getBoundingClientRect()
      return top + height / 2
    })
    draft.value = reordered(order.value, order.value.indexOf(id), placeAt(pointer_px, middles_px))
  }

  /** Near its ends a long list scrolls along. */
  function scroll(): void {
    frame = window.requestAnimationFrame(scroll)
    let box = element.value?.parentElement ?? null
    while (box && box.scrollHeight <= box.clientHeight) box = box.parentElement
    if (!box) return
    const { top, bottom } = box.getBoundingClientRect()
    const by_px = pointer_px < top + EDGE_PX ? -SCROLL_PX : pointer_px > bottom - EDGE_PX ? SCROLL_PX : 0
    if (by_px === 0) return
    box.scrollBy({ top: by_px })
    follow()
  }

  function release(): void {
    held.value = null
    window.cancelAnimationFrame(frame)
    window.removeEventListener('pointermove', onMove)
    window.removeEventListener('pointerup', drop)
    window.removeEventListener('pointercancel', letGo)
  }

  async function drop(): Promise<void> {
    const id = held.value
    release()
    const place = id === null ? -1 : order.value.indexOf(id)
    if (id !== null && place >= 0 && place !== ids().indexOf(id)) await commit(id, place)
    draft.value = null
  }

  function letGo(): void {
    release()
    draft.value = null
  }

  async function onKey(event: KeyboardEvent, id: string): Promise<void> {
    if (event.key === 'Escape' && held.value !== null) {
      event.preventDefault()
      event.stopPropagation()
      letGo()
      return
    }
    const at = order.value.indexOf(id)
    const to = movedByKey(event.key, at, order.value.length)
    if (to === null || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    if (to === at) return
    const handle = event.currentTarget as HTMLElement
    draft.value = reordered(order.value, at, to)
    await nextTick()
    // An element that is moved in the page loses the focus.
    handle.focus()
    await commit(id, to)
    draft.value = null
    await nextTick()
    handle.focus()
  }

  onBeforeUnmount(release)

  return { order, held, start, onKey }
}
