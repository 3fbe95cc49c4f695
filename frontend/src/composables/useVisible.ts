import { onBeforeUnmount, watch, type Ref } from 'vue'

/** Calls `onVisible` whenever the element comes near the screen. */
export function useVisible(element: Ref<HTMLElement | null>, onVisible: () => void): void {
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) onVisible()
    },
    { rootMargin: '800px' },
  )
  watch(element, (now, before) => {
    if (before) observer.unobserve(before)
    if (now) observer.observe(now)
  })
  onBeforeUnmount(() => observer.disconnect())
}
