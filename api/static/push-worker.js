// What a shop's service worker does with a push of Relance's: importScripts() it, as docs/push.md shows.
self.addEventListener("push", (event) => {
  const { title = "", body, image, link, receipt, send_id: tag } = event.data?.json() ?? {};
  const arrived = receipt && fetch(receipt, { method: "POST", mode: "no-cors" }).catch(() => {});
  event.waitUntil(Promise.all([self.registration.showNotification(title, { body, image, tag, data: { link } }), arrived]));
});

self.addEventListener("notificationclick", (event) => {
  const { link } = event.notification.data ?? {};
  event.notification.close();
  if (link) event.waitUntil(self.clients.openWindow(link));
});
