// What a shop's pages tell Relance: docs/capture.md. Nothing is sent or stored before consent to cookies.
// Pages get capture.min.js: after a change, "make snippet".
(() => {
  // A page may hold the script twice; until the document is there, window.relance is the list of calls that wait.
  const calls = (window.relance ||= []);
  if (calls.on) return;
  calls.on = true;
  const { dataset, src } = document.currentScript;
  const url = new URL("capture", src);
  const FIELDS = { email: ["email", /^\S+@\S+\.\S+$/], sms: ["tel", /^\W*(\d\W*){6,}$/] };
  const US = "relance:", { warn, debug } = console, ticks = new Map();
  let agreed, busy, memory, queue = [];

  // Our mistakes are told in the console and never reach the page.
  const safe = (run) => (...given) => {
    try { return run(...given); } catch (error) { warn(US, error); }
  };
  const random = () => crypto.getRandomValues(new Uint32Array(4)).join("");
  const now = () => new Date().toISOString();
  const here = () => location.origin + location.pathname;
  const visitor = () => {
    try { return (localStorage.relance ||= random()); } catch { return (memory ||= random()); }
  };
  const forget = () => {
    memory = "";
    try { delete localStorage.relance; } catch {}
  };
  const pack = (batch) => JSON.stringify({ writeKey: dataset.writeKey, sentAt: now(), batch });

  // What fails stays and goes with the next one; its messageId keeps it single.
  const send = safe(() => {
    const batch = queue.slice(0, 10), body = pack(batch);
    if (busy || !batch[0]) return;
    busy = true;
    fetch(url, { method: "POST", credentials: "omit", body, keepalive: body.length < 6e4, signal: AbortSignal.timeout?.(1e4) })
      .then(async (answer) => {
        if (/429|5../.test(answer.status)) throw answer.status;
        queue = queue.filter((message) => !batch.includes(message));
        const { detail, results = [] } = await answer.json();
        [{ problem: detail }, ...results].forEach((r) => r.problem && warn(US, r.problem));
        return true;
      })
      .catch((error) => debug(US, error))
      .then((done) => {
        busy = false;
        done && send();
      });
  });
  const say = (type, more, by = agreed && visitor()) => {
    if (!by) return;
    const context = { locale: navigator.language, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone };
    queue = [...queue.slice(-49), { type, messageId: random(), anonymousId: by, timestamp: now(), context, ...more }];
    queueMicrotask(send);
  };
  const tell = safe((el, event) => say("track", { event, properties: JSON.parse(el.dataset.relanceProps || "{}") }));

  // A yes is a box that the person ticked on this page; one that was ticked for them never is.
  const decide = safe((box) => {
    const granted = box.checked, channel = box.dataset.relanceOptin, by = ticks.get(box)?.by;
    const text = [...box.labels].map((label) => label.innerText).join(" ").trim();
    const consent = { [channel]: { granted, purpose: "marketing", text, at: now(), page: here() } };
    ticks.delete(box);
    if (!granted) return say("identify", { traits: { consent } }, by);
    if (text && !box.defaultChecked) ticks.set(box, { channel, consent });
    contacts();
  });
  const contacts = () => ticks.forEach((tick, box) => {
    const form = box.closest("[data-relance-checkout]"), [type, plausible] = FIELDS[tick.channel];
    const value = form.querySelector(`[type=${type}]`)?.value.trim(), country = form.dataset.relanceCheckout;
    if (!agreed || !box.checked || value == tick.told || !plausible.test(value)) return;
    tick.told = value;
    tick.by = visitor();
    const traits = type == "email" ? { email: value } : { phone: value, ...(value[0] != "+" && country && { country }) };
    say("identify", { traits: { ...traits, consent: tick.consent } });
  });

  const api = {
    consent(yes) {
      if (agreed && yes) return;
      agreed = yes;
      if (!yes) return (queue = []), forget();
      api.page();
      document.querySelectorAll("[data-relance-view]").forEach((el) => tell(el, el.dataset.relanceView));
      contacts();
    },
    page: (name = location.pathname.slice(0, 256), more) =>
      say("page", { name, properties: { url: here(), title: document.title, ...more } }),
    track: (event, properties) => say("track", { event, properties }),
    identify: (userId, traits) => say("identify", { userId, traits }),
    reset: forget,
  };
  for (const name in api) api[name] = safe(api[name]);
  api.on = true;
  api.push = safe(([name, ...given]) => api[name](...given));

  const start = safe(() => {
    window.relance = api;
    if (dataset.consentCookie && document.cookie.split("; ").includes(dataset.consentCookie)) api.consent(true);
    calls.forEach(api.push);
    const on = (type, run) => addEventListener(type, safe(run), true);
    on("click", ({ target, isTrusted }) => {
      const told = target.closest?.("[data-relance-click]");
      if (told) tell(told, told.dataset.relanceClick);
      if (isTrusted && target.matches?.("[data-relance-checkout] [data-relance-optin]")) setTimeout(decide, 0, target);
    });
    on("change", contacts);
    on("pagehide", () => queue[0] && navigator.sendBeacon(url, pack(queue.slice(-10))));
  });
  document.readyState == "loading" ? addEventListener("DOMContentLoaded", start) : start();
})();
