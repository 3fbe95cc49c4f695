import { computed, onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

import { windowOf, type Layout } from '@/domain/windowing'

import { useElementWidth } from './useElementWidth'

/** The part of a list that is on the screen while the page scrolls; `element` is the list, as high as all of it. */
export function useWindow(element: Ref<HTMLElement | null>, layout: Ref<Layout>) {
  const screen = ref({ from_px: 0, to_px: 800 })
  let pending = 0

  function measure(): void {
    pending = 0
    const top_px = element.value?.getBoundingClientRect().top ?? 0
    screen.value = { from_px: -top_px, to_px: window.innerHeight - top_px }
  }

  function soon(): void {
    if (pending === 0) pending = window.requestAnimationFrame(measure)
  }

  onMounted(() => {
    measure()
    window.addEventListener('scroll', soon, { passive: true })
    window.addEventListener('resize', soon)
  })
  onBeforeUnmount(() => {
    window.cancelAnimationFrame(pending)
    window.removeEventListener('scroll', soon)
    window.removeEventListener('resize', soon)
  })

  const shown = computed(() => windowOf(layout.value, screen.value.from_px, screen.value.to_px))
  const page = computed(() =>
    Math.max(1, Math.floor((screen.value.to_px - screen.value.from_px) / Math.max(1, layout.value.rowHeight_px))),
  )
  return { shown, page, measure: soon, width: useElementWidth(element) }
}
