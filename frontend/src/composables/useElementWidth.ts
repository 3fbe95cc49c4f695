import { onBeforeUnmount, ref, watch, type Ref } from 'vue'

function contentWidth(element: HTMLElement): number {
  const { paddingLeft, paddingRight } = window.getComputedStyle(element)
  return Math.max(0, element.clientWidth - (parseFloat(paddingLeft) || 0) - (parseFloat(paddingRight) || 0))
}

/** The width of an element in CSS pixels, kept up to date. */
export function useElementWidth(element: Ref<HTMLElement | null>): Ref<number> {
  const width = ref(0)
  const observer = new ResizeObserver(([entry]) => {
    if (entry) width.value = entry.contentRect.width
  })
  watch(
    element,
    (now, before) => {
      if (before) observer.unobserve(before)
      if (!now) return
      // The observer tells it after the first painting, and then everything would jump.
      width.value = contentWidth(now)
      observer.observe(now)
    },
    { flush: 'post' },
  )
  onBeforeUnmount(() => observer.disconnect())
  return width
}
