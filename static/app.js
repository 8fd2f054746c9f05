// The few behaviours every page shares. No framework, no eval; a page without this file still works.
"use strict";
(() => {
  const $ = (q, from = document) => from.querySelector(q);
  const on = (name, act) => document.addEventListener(name, act);
  const say = (words) => { $("#status").textContent = words; };

  // Freshness: parts with hx-trigger="tick from:body" ask again, only while somebody looks.
  setInterval(() => document.visibilityState === "visible" && document.body.dispatchEvent(new Event("tick")), 15000);

  // A request that failed leaves the form as it was and says so above it, with the id to quote.
  const failed = (event) => {
    const from = event.detail.elt, place = from.closest("form, section, main") || document.body;
    if (event.detail.requestConfig?.triggeringEvent?.type === "tick") return;
    const ref = event.detail.xhr?.getResponseHeader("X-Request-Id");
    const line = document.createElement("p");
    line.className = "note bad failed";
    line.setAttribute("role", "alert");
    line.textContent = "Not saved. Nothing changed. Try again" + (ref ? ` (ref ${ref})` : "");
    $(".failed", place)?.remove();
    place.prepend(line);
  };
  on("htmx:responseError", failed);
  on("htmx:sendError", failed);
  on("htmx:beforeRequest", (e) => { $(".failed", e.detail.elt)?.remove(); e.detail.target?.setAttribute("aria-busy", "true"); });
  on("htmx:afterRequest", (e) => { e.detail.target?.removeAttribute("aria-busy"); ready(); });
  on("htmx:afterSettle", (e) => $(".summary", e.detail.elt)?.focus());
  $(".summary")?.focus();

  // One press is enough: the button keeps its width, says what happens, and a second press goes nowhere.
  const ready = () => document.querySelectorAll("[data-was]").forEach((b) => {
    b.textContent = b.dataset.was; b.removeAttribute("aria-busy"); b.removeAttribute("data-was"); b.style.width = "";
  });
  on("submit", (event) => {
    const button = event.submitter, form = event.target;
    if (!button?.dataset.busy) return;
    if (button.dataset.was) return event.preventDefault();
    button.style.width = button.offsetWidth + "px";
    button.dataset.was = button.textContent;
    button.textContent = button.dataset.busy;
    button.setAttribute("aria-busy", "true");
    if (form.dataset.slow) setTimeout(() => button.dataset.was && say(form.dataset.slow), 2000);
  });
  addEventListener("pageshow", ready);

  // A text that mirrors a field, buttons that step a number, a box that ticks all, a button that opens a dialog.
  on("input", (e) => e.target.id && document.querySelectorAll(`[data-mirror="${e.target.id}"]`)
    .forEach((m) => { m.textContent = e.target.value; }));
  on("change", (e) => e.target.dataset.all !== undefined && document.getElementsByName(e.target.dataset.all)
    .forEach((box) => { box.checked = e.target.checked; }));
  on("click", (e) => {
    const button = e.target.closest("[data-open], [data-step], [data-print]");
    if (!button) return;
    if (button.dataset.open) return $(button.dataset.open).showModal();
    if (!button.dataset.step) return print();
    const field = $("#" + button.dataset.for);
    button.dataset.step < 0 ? field.stepDown() : field.stepUp();
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // Keys, unless switched off or typing: data-key="n" is pressed by n, data-go="h" by g then h, rows by j k o x.
  let going = 0;
  const press = (el) => el.matches("dialog") ? el.showModal() : el.matches("input, select, textarea") ? el.focus() : el.click();
  on("keydown", (event) => {
    const at = document.activeElement, key = (event.ctrlKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "") + event.key;
    if (document.body.dataset.keys !== "on" || event.metaKey || $("dialog[open]")) return;
    if (at.matches("input, select, textarea, [contenteditable]") && !event.ctrlKey && !event.altKey) return;
    const quoted = CSS.escape(key), row = at.closest("[data-row]"), rows = [...document.querySelectorAll("[data-row]")];
    let found = Date.now() - going < 1500 && $(`[data-go="${quoted}"]`) || row && $(`[data-key="${quoted}"]`, row) || $(`[data-key="${quoted}"]`);
    going = key === "g" ? Date.now() : 0;
    if (!found && (key === "j" || key === "k")) {
      found = rows[Math.max(0, rows.indexOf(row) + (key === "j" ? 1 : -1))]?.querySelector("a, button, summary, input");
      return found?.focus();
    }
    if (!found && row) found = key === "o" ? $("a", row) : key === "x" ? $("input[type=checkbox]", row) : null;
    if (!found) return;
    event.preventDefault();
    found.type === "checkbox" ? found.click() : press(found);
  });
})();
