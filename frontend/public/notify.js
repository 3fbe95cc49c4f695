/* Where a page may not show notifications itself (Android), this shows them, and leads a click to the page. */
self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const { job, url } = event.notification.data
  event.waitUntil(
    (async () => {
      const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
      const page = pages.find((one) => one.url.startsWith(self.registration.scope))
      if (!page) return self.clients.openWindow(url)
      await page.focus()
      page.postMessage({ kind: 'plexcut.alert', job })
    })(),
  )
})
