// The few behaviours every page shares. No framework, no eval; a page without this file still works.
"use strict";
(() => {
  const $ = (q, from = document) => from.querySelector(q);
  const all = (q) => [...document.querySelectorAll(q)];
  const on = (name, act, early) => document.addEventListener(name, act, early);

  // Freshness: parts with hx-trigger="tick from:body" ask again, only while somebody looks.
  const tick = () => document.hidden || document.body.dispatchEvent(new Event("tick"));
  setTimeout(tick, 4000);
  setInterval(tick, 15000);
  // … and never under the hands of somebody who began to choose.
  const touch = ({ target }) => { const part = target.closest?.("[data-calm]"); if (part) part.dataset.calm = "touched"; };
  on("pointerdown", touch); on("keydown", touch); on("change", touch);
  on("htmx:beforeRequest", (event) => event.detail.elt.dataset.calm === "touched" && event.preventDefault());

  // A failed request leaves the form as it was and says so above it.
  const failed = ({ detail: { elt, requestConfig, xhr } }) => {
    const asked = requestConfig?.triggeringEvent;
    if (!asked || asked.type === "tick") return; // a part that asks by itself: nobody pressed anything
    const place = elt.closest("form, section, main") || document.body, line = document.createElement("p");
    const ref = xhr?.getResponseHeader("X-Request-Id");
    line.className = "note bad failed";
    line.role = "alert";
    line.textContent = "Not saved. Nothing changed. Try again" + (ref ? ` (ref ${ref})` : "");
    $(".failed", place)?.remove();
    place.prepend(line);
  };
  on("htmx:responseError", failed);
  on("htmx:sendError", failed);
  // While a press is answered that replaces a part (data-lock), that part takes no input that would be lost with it.
  const lock = (detail, is) => {
    const part = $(detail.requestConfig?.triggeringEvent?.submitter?.dataset.lock || "#none");
    if (part) part.inert = is;
  };
  on("htmx:beforeRequest", ({ detail }) => {
    $(".failed", detail.elt)?.remove(); detail.target.ariaBusy = "true"; lock(detail, true);
  });
  on("htmx:afterRequest", ({ detail }) => {
    detail.target.ariaBusy = null; lock(detail, false); ready();
    // A choice that was taken is empty again, unless another was made meanwhile.
    const spent = detail.successful && detail.elt.elements?.[detail.elt.dataset.spent];
    if (spent && spent.value === detail.requestConfig.parameters[spent.name]) spent.value = "";
  });

  // After a press the focus goes to what is wrong, else to where the next action is, unless somebody went elsewhere.
  on("htmx:afterSettle", ({ detail: { elt } }) => {
    const wrong = elt.matches(".summary") ? elt : $(".summary", elt), to = elt.dataset.focus;
    if (wrong) wrong.focus();
    if (!to || !document.activeElement.matches("body, button, summary")) return;
    const next = document.getElementById(to);
    next?.focus();
    if (next?.matches("input[type=text]")) next.select();
  });
  // On a fresh page once the browser has been to the address's own place (#sign), which would take the focus back.
  addEventListener("pageshow", () => $(".summary")?.focus());

  // Esc closes an open menu, and so does a press beside it.
  const close = (menu) => { menu.open = false; };
  on("keydown", (e) => {
    const menu = e.key === "Escape" && $("details.menu[open]");
    if (menu) { close(menu); $("summary", menu).focus(); }
  });
  on("pointerdown", ({ target }) => all("details.menu[open]").filter((m) => !m.contains(target)).forEach(close));

  // A pressed button says what happens; a second press goes nowhere.
  const ready = () => all("[data-was]").forEach((b) => {
    b.innerHTML = b.dataset.was; delete b.dataset.was; b.ariaBusy = null; b.removeAttribute("style");
  });
  on("submit", (event) => {
    const b = event.submitter, slow = event.target.dataset.slow;
    if (!b?.dataset.busy) return;
    if (b.dataset.was) { event.preventDefault(); event.stopPropagation(); return; }
    b.style.width = b.offsetWidth + "px";
    b.dataset.was = b.innerHTML;
    b.textContent = b.dataset.busy;
    b.ariaBusy = "true";
    if (slow) setTimeout(() => { if (b.dataset.was) $("#status").textContent = slow; }, 2000);
  }, true);
  addEventListener("pageshow", ready);

  // A text that mirrors a field, a box that ticks all, buttons that open a dialog or step a number.
  on("input", ({ target }) => all(`[data-mirror="${target.id}"]`).forEach((m) => { m.textContent = target.value; }));
  // A day in words beside its field: browsers write 12/01 either way round.
  on("input", ({ target }) => all(`[data-day-of="${target.id}"]`).forEach((words) => {
    const day = target.valueAsDate;
    words.textContent = day ? day.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }) : "";
  }));
  on("change", ({ target }) => target.dataset.all && document.getElementsByName(target.dataset.all)
    .forEach((box) => { box.checked = target.checked; }));
  on("click", ({ target }) => {
    const { open, step, for: id } = target.closest("[data-open], [data-step]")?.dataset || {};
    if (open) $(open).showModal();
    if (!step) return;
    const field = $("#" + id);
    step < 0 ? field.stepDown() : field.stepUp();
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // Keys, unless switched off or typing: n presses data-key="n", g then h data-go="h"; rows have j k o x.
  let going = 0;
  on("keydown", (e) => {
    const at = document.activeElement, key = (e.ctrlKey ? "Ctrl+" : "") + (e.altKey ? "Alt+" : "") + e.key;
    if (document.body.dataset.keys !== "on" || e.metaKey || $("dialog[open]")) return;
    if (at.matches("input, select, textarea") && !e.ctrlKey && !e.altKey) return;
    const q = `="${CSS.escape(key)}"]`, row = at.closest("[data-row]"), rows = all("[data-row]");
    const move = { j: 1, k: -1 }[key], inRow = { o: "a", x: "[type=checkbox]" }[key];
    const next = move && rows[Math.max(0, rows.indexOf(row) + move)];
    const found = (e.timeStamp - going < 1500 && $("[data-go" + q)) || (row && $("[data-key" + q, row)) || $("[data-key" + q)
      || (next && $("a, button, summary", next)) || (row && inRow && $(inRow, row));
    going = key === "g" ? e.timeStamp : 0;
    if (!found) return;
    e.preventDefault();
    if (found.matches("dialog")) found.showModal();
    else if (move || found.matches("input:not([type=checkbox]), select, textarea")) found.focus();
    else {
      // What is typed and not yet left is saved before the press that may replace it.
      if (at.form && at.form === found.form) at.blur();
      found.click();
    }
  });
})();
