// Shows a message of Relance's on the shop's pages: docs/on-site.md. Where capture.js keeps no visitor, it asks nothing.
(() => {
  if (window.relanceOnSite) return;
  window.relanceOnSite = true;
  const { dataset, src } = document.currentScript;
  const url = new URL("on-site", src), closed = new Set();
  const CLOSE = { fr: "Fermer", it: "Chiudi", pt: "Fechar" };
  const LOOK = {
    div: "all:initial",
    aside: "position:fixed;right:1rem;bottom:1rem;z-index:2147483647;box-sizing:border-box;width:20rem;" +
      "max-width:calc(100vw - 2rem);padding:1rem;border-radius:.75rem;background:#fff;color:#222;" +
      "box-shadow:0 .25rem 1.5rem #0004;font:1rem/1.4 system-ui,sans-serif",
    h2: "margin:0 2rem .5rem 0;font-size:1.1rem",
    p: "margin:0 0 .75rem;white-space:pre-line",
    a: "display:inline-block;padding:.5rem 1rem;border-radius:.5rem;background:#222;color:#fff",
    button: "position:absolute;top:.5rem;right:.5rem;width:2rem;height:2rem;border:0;background:none;color:inherit;" +
      "font-size:1.25rem;cursor:pointer",
  };
  let shown, host;

  const visitor = () => {
    try { return localStorage.relance; } catch {}
  };
  const hide = () => {
    host?.remove();
    shown = host = undefined;
  };
  const post = (more) => {
    const body = JSON.stringify({ writeKey: dataset.writeKey, anonymousId: visitor(), ...more });
    return fetch(url, { method: "POST", credentials: "omit", body, keepalive: true, signal: AbortSignal.timeout?.(1e4) });
  };
  const close = () => {
    // It is gone from this page whatever Relance answers, and from the next one if it has heard.
    closed.add(shown);
    post({ closed: shown }).catch(() => {});
    hide();
  };
  // Words are put in as text alone: no message can bring markup into the page.
  const make = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    // No style element: a Content-Security-Policy may forbid those.
    made.style.cssText = LOOK[name];
    for (const each in attributes) made.setAttribute(each, attributes[each]);
    if (/^(a|button)$/.test(name)) made.addEventListener("click", close);
    return made;
  };
  const show = ({ id, title, text, link, button }) => {
    // A shop's own script may have taken the card away with the page's content.
    if (closed.has(id) || (id === shown && host.isConnected)) return;
    hide();
    const card = make("aside", "", { role: "status", "aria-label": title });
    card.append(make("h2", title), make("p", text));
    if (button && /^https?:/.test(link)) card.append(make("a", button, { href: link }));
    card.append(make("button", "×", { "aria-label": CLOSE[document.documentElement.lang.slice(0, 2).toLowerCase()] ?? "Close" }));
    host = make("div", "");
    host.attachShadow({ mode: "open" }).append(card);
    document.body.append(host);
    shown = id;
    post({ shown }).catch(() => {});
  };
  const ask = async () => {
    if (!visitor()) return hide();
    if (document.hidden) return;
    try {
      const answer = await post();
      if (!answer.ok) return;
      const { message } = await answer.json();
      message ? show(message) : hide();
    } catch {
      // Relance cannot be reached: the page stays as it is.
    }
  };

  const start = () => {
    ask();
    setInterval(ask, 3e4);
    document.addEventListener("visibilitychange", ask);
  };
  document.readyState === "loading" ? addEventListener("DOMContentLoaded", start) : start();
})();
