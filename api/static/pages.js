// What pages do beside htmx: times that go on, and the keyboard. Without it everything still works.
(() => {
  "use strict";
  document.documentElement.classList.add("script");
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

  function length(seconds) {
    if (seconds < 10 && seconds > 0) return seconds.toFixed(0) + " s";
    const n = units.findIndex(([size]) => seconds >= size);
    if (n < 0) return "";
    const [size, unit] = units[n];
    let text = Math.floor(seconds / size) + " " + unit;
    if (n < 2 && seconds < size * 10) {
      const rest = Math.floor((seconds % size) / units[n + 1][0]);
      if (rest) text += " " + rest + " " + units[n + 1][1];
    }
    return text;
  }

  function tell(element) {
    const seconds = Math.round((Date.now() - Date.parse(element.dateTime)) / 1000);
    const text = length(Math.abs(seconds));
    const said = !text ? "just now" : seconds > 0 ? text + " ago" : "in " + text;
    if (element.textContent !== said) element.textContent = said;
  }

  const tellAll = () => document.querySelectorAll("time[data-ago]").forEach(tell);

  function title() {
    const named = document.querySelector("[data-title]");
    if (named) document.title = named.dataset.title;
    const found = document.querySelector("[data-count]");
    if (found) document.title = document.title.replace(/^\([^)]*\)/, "(" + found.dataset.count + ")");
  }

  const rows = () => [...document.querySelectorAll("[data-row]")];
  const rowOf = (element) => element && element.closest("[data-row]");
  // The row that is looked at, by its id: rows that come or go leave it chosen.
  let kept = "", place = 0, within = false;
  const current = () => rows().find((row) => row.id === kept);

  function keep(row) {
    const all = rows();
    [kept, place] = [row.id, all.indexOf(row)];
    all.forEach((other) => other.classList.toggle("current", other === row));
  }

  // After rows have changed: the same row, or the one that has taken its place.
  function settle() {
    const all = rows();
    if (!kept || !all.length) return;
    const row = current() || all[Math.min(place, all.length - 1)];
    keep(row);
    if (within && document.activeElement === document.body) row.querySelector("a").focus({ preventScroll: true });
  }

  document.addEventListener("focusin", (event) => {
    const row = rowOf(event.target);
    within = Boolean(row);
    if (row) keep(row);
  });
  document.addEventListener("pointerdown", (event) => { within = Boolean(rowOf(event.target)); });

  function move(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = all[Math.min(Math.max(at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by, 0), all.length - 1)];
    keep(next);
    next.querySelector("a").focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function open(fragment) {
    const link = current() && current().querySelector("a");
    if (link) location.assign(link.href + fragment);
  }

  function answer(key) {
    const button = document.querySelector(`[data-answer="${key}"]`);
    if (button && button.offsetParent) {
      button.scrollIntoView({ block: "center" });
      button.focus();
    }
  }

  function search() {
    const field = document.querySelector(".filters input:not([type=checkbox])");
    if (field) { field.focus(); field.select(); } else location.assign("/executions#search");
  }

  // Whether what is seen is still kept up to date, in words.
  const broken = new Set();
  function tellLink() {
    const link = document.querySelector("#link");
    const stale = broken.size > 0 || document.querySelector("#notice [role=alert]") !== null;
    link.hidden = !parts().length;
    link.className = "pill " + (stale ? "bad" : "ok");
    link.textContent = stale ? "not live: trying again" : "live";
  }
  document.addEventListener("htmx:sse:error", (event) => { broken.add(event.target); tellLink(); });
  document.addEventListener("htmx:sse:after:connection", (event) => { broken.delete(event.target); tellLink(); });

  // What is sent is sent once; the button says that it is under way.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.ariaBusy === "true") event.preventDefault();
    event.target.ariaBusy = "true";
  });
  addEventListener("pageshow", () => document.querySelectorAll("form").forEach((form) => { form.ariaBusy = null; }));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "checkbox") return;
    if (document.querySelector("dialog[open]")) return;
    const listing = rows().length > 0;
    const does = {
      j: () => move(1),
      k: () => move(-1),
      o: () => open(""),
      a: () => (listing ? open("#a") : answer("a")),
      r: () => (listing ? open("#r") : answer("r")),
      "/": search,
      "?": () => document.querySelector("#keys").showModal(),
      x: () => { const box = current() && current().querySelector("input[type=checkbox]"); if (box) box.click(); },
    }[event.key];
    if (does) { does(); event.preventDefault(); }
  });

  // What had the focus and can no longer take it leaves it to the part of the page that has changed.
  let focused = null;
  const cannot = (element) => !element.isConnected || element.disabled || !element.getClientRects().length;
  document.addEventListener("htmx:sse:before:message", () => { focused = document.activeElement; });
  function refocus(part) {
    if (!focused || focused === document.body || !cannot(focused)) return;
    if (document.activeElement !== focused && document.activeElement !== document.body) return;
    part.tabIndex = -1;
    part.focus({ preventScroll: true });
  }

  // A browser keeps six connections to a server: a tab opened in the background listens once it is looked at.
  const parts = () => [...document.querySelectorAll("[hx-sse\\:connect]")];
  const unheard = new Set();
  document.addEventListener("htmx:before:request", (event) => {
    const part = event.detail.ctx.sourceElement;
    if (!document.hidden || !parts().includes(part)) return;
    unheard.add(part);
    event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    unheard.forEach((part) => htmx.ajax("GET", part.getAttribute("hx-sse:connect"), { source: part }));
    unheard.clear();
  });

  document.addEventListener("htmx:sse:after:message", (event) => { title(); tellAll(); settle(); tellLink(); refocus(event.target); });
  setInterval(tellAll, 1000);
  tellAll();
  // Chosen before: set once more, so that rows that come in leave it chosen.
  document.querySelectorAll("input[checked]").forEach((box) => { box.checked = true; });
  if (location.hash === "#search") search();
  if (location.hash === "#a" || location.hash === "#r") answer(location.hash[1]);
})();
