// The pay page: Stripe's form, one press, the way back. Loaded beside Stripe's own script; no eval, nothing inline.
"use strict";
(() => {
  const form = document.getElementById("pay"), told = document.getElementById("pay-problem");
  if (!form || !window.Stripe) return;
  const about = form.dataset, button = form.querySelector("button"), label = button.innerHTML;
  const stripe = Stripe(about.key);

  // Stripe draws in a frame of its own: it is told our colours as they are now, light or dark.
  const paint = (element, name) => getComputedStyle(element)[name];
  const card = form.closest(".card") || document.body;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const appearance = {
    theme: dark ? "night" : "stripe",
    variables: {
      colorPrimary: paint(button, "backgroundColor"),
      colorText: paint(card, "color"),
      colorBackground: paint(card, "backgroundColor"),
      fontFamily: paint(document.body, "fontFamily"),
      borderRadius: "8px",
    },
  };

  const wanted = { mode: about.mode, currency: about.currency, appearance, allowedPaymentMethodTypes: about.kinds.split(",") };
  if (about.mode === "payment") Object.assign(wanted, { amount: Number(about.amount), setupFutureUsage: "off_session" });
  const elements = stripe.elements(wanted);
  const element = elements.create("payment", { layout: "tabs", business: { name: about.business } });
  element.on("ready", () => { button.disabled = false; form.removeAttribute("aria-busy"); });
  element.on("loaderror", () => say(about.noanswer));
  element.mount("#pay-element");

  const say = (words) => {
    told.querySelector("[data-words]").textContent = words || about.noanswer;
    told.hidden = false;
    told.focus();
    button.innerHTML = label;
    button.removeAttribute("aria-busy");
  };

  const start = async () => {
    const answer = await fetch(about.here, {
      method: "POST", credentials: "same-origin",
      headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
    }).catch(() => null);
    const body = answer ? await answer.json().catch(() => ({})) : {};
    if (body.again) location.assign(about.here);
    if (body.client_secret) return body.client_secret;
    say(body.words);
    return null;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-busy")) return;
    told.hidden = true;
    button.style.width = `${button.offsetWidth}px`;
    button.textContent = about.busy;
    button.setAttribute("aria-busy", "true");
    const { error: unfinished } = await elements.submit();
    if (unfinished) {
      button.innerHTML = label;
      button.removeAttribute("aria-busy");
      return;
    }
    const clientSecret = await start();
    if (!clientSecret) return;
    const slow = setTimeout(() => { document.getElementById("status").textContent = about.slow; }, 2000);
    const confirm = about.mode === "payment" ? "confirmPayment" : "confirmSetup";
    const { error, paymentIntent, setupIntent } = await stripe[confirm]({
      elements, clientSecret, redirect: "if_required", confirmParams: { return_url: about.here },
    });
    clearTimeout(slow);
    if (error) return say(error.type === "card_error" ? about.declined : error.message);
    const back = new URL(about.here);
    back.searchParams.set(paymentIntent ? "payment_intent" : "setup_intent", (paymentIntent || setupIntent).id);
    location.assign(back);
  });
})();
