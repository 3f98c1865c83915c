// Subscribes a browser to a shop's pushes: docs/push.md. Nothing happens before relanceSubscribe() is called.
(() => {
  const { dataset, src } = document.currentScript;
  const visitor = () => {
    // The same visitor as capture.js tells of, where the page holds it.
    try { return (localStorage.relance ||= crypto.randomUUID()); } catch { return crypto.randomUUID(); }
  };

  // A worker takes pushes once it is active.
  const active = (registration) =>
    new Promise((done) => {
      const worker = registration.installing ?? registration.waiting ?? registration.active;
      const look = () => registration.active && done(registration);
      worker.addEventListener("statechange", look);
      look();
    });
  const encoded = (key) =>
    btoa(String.fromCharCode(...new Uint8Array(key))).replace(/[+]/g, "-").replace(/[/]/g, "_").replace(/=/g, "");

  // Call it from a click, with the words beside the button. Gives the subscription, or null where there is to be none.
  window.relanceSubscribe = async (text) => {
    if (!("PushManager" in window) || !("serviceWorker" in navigator)) return null;
    if ((await Notification.requestPermission()) !== "granted") return null;
    const { pushManager } = await active(await navigator.serviceWorker.register(dataset.worker));
    // One for another key, such as that of the shop's former vendor, takes no push of ours, and keeps ours out.
    const known = await pushManager.getSubscription();
    if (known && encoded(known.options.applicationServerKey) !== dataset.key) await known.unsubscribe();
    const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: dataset.key });
    const at = new Date().toISOString();
    const push = { granted: true, purpose: "marketing", text, at, page: location.origin + location.pathname };
    const message = {
      type: "identify",
      messageId: crypto.randomUUID(),
      anonymousId: visitor(),
      timestamp: at,
      traits: { consent: { push } },
      context: {
        locale: navigator.language,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        device: { type: "browser", subscription: subscription.toJSON() },
      },
    };
    const body = JSON.stringify({ writeKey: dataset.writeKey, sentAt: at, batch: [message] });
    const answer = await fetch(new URL("capture", src), { method: "POST", credentials: "omit", body });
    const { detail, results = [] } = await answer.json();
    const problem = detail ?? results.find((result) => result.problem)?.problem;
    if (problem) throw new Error(`relance: ${problem}`);
    return subscription;
  };
})();
