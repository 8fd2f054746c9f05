/*
 * The sandbox's stand-in for Stripe.js: the Payment Element, and confirming with it.
 *
 * It answers to the names the product uses (docs.stripe.com/js), talks to the sandbox it was loaded from, and works
 * under a strict content security policy: no inline script, no style attributes. What it does not play is not there.
 * browser_fields.js and browser_element.js come before it; the sandbox serves the three as one strict function.
 */

const script = document.currentScript || document.querySelector('script[src*="stripe.js"]');
const ORIGIN = new URL(script.src).origin;
const VERSION = "2026-10-28.endive";

/* ---------------------------------------------------------------- errors */

class IntegrationError extends Error {
  constructor(message) {
    super(message);
    this.name = "IntegrationError";
  }
}

const validation = (code, message) => ({ type: "validation_error", code, message });

/* ------------------------------------------------------------------ wire */

function flatten(value, prefix, into) {
  for (const [name, each] of Object.entries(value || {})) {
    const key = prefix ? `${prefix}[${name}]` : name;
    if (each === undefined || each === null) continue;
    if (typeof each === "object") flatten(each, key, into);
    else into.append(key, String(each));
  }
  return into;
}

async function call(key, method, path, params) {
  const said = flatten(params, "", new URLSearchParams());
  const options = { method, headers: { Authorization: `Bearer ${key}`, "Stripe-Version": VERSION } };
  let url = ORIGIN + path;
  if (method === "GET") url += said.size ? `?${said}` : "";
  else options.body = said;
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    const message = "We could not reach the payment service. Check your connection and try again.";
    return { error: { type: "api_connection_error", message } };
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return { body };
  return { error: body.error || { type: "api_error", message: "Something went wrong. Please try again." } };
}

/* -------------------------------------------------------------- elements */

class Elements {
  constructor(key, options) {
    this.key = key;
    this.options = { ...options };
    this.element = null;
    this.submitted = false;
    this.refuseOldOptions(this.options);
    const { mode, clientSecret, currency, amount } = this.options;
    if (!clientSecret && !mode) throw new IntegrationError("Elements needs either a clientSecret or a mode.");
    if (clientSecret && mode) throw new IntegrationError("Elements takes a clientSecret or a mode, not both.");
    if (mode && !currency) throw new IntegrationError("Elements with a mode needs a currency.");
    if (mode === "payment" && !Number.isInteger(amount)) {
      throw new IntegrationError("Elements with mode payment needs an amount, a whole number of the smallest unit.");
    }
    this.ready = this.load();
    this.ready.catch(() => {});
  }

  /** docs.stripe.com/changelog/endive/2026-09-30, "Removes support for payment method types in Elements". */
  refuseOldOptions(options) {
    if (options.paymentMethodTypes) {
      throw new IntegrationError("paymentMethodTypes is no longer supported. Use allowedPaymentMethodTypes.");
    }
  }

  async load() {
    const { clientSecret, currency, allowedPaymentMethodTypes: allowed } = this.options;
    const query = flatten({ key: this.key, currency, client_secret: clientSecret }, "", new URLSearchParams());
    const answer = await fetch(`${ORIGIN}/_sandbox/elements?${query}`);
    const about = await answer.json();
    if (!answer.ok) throw about.error;
    about.types = about.types.filter((type) => FORMS[type] && (!allowed || allowed.includes(type)));
    if (!about.types.length) throw { type: "invalid_request_error", message: "No payment method is available." };
    return about;
  }

  /** Whether the method will be kept, so that its terms must be shown. */
  saves() {
    return this.options.mode === "setup" || Boolean(this.options.setupFutureUsage) ||
      (this.options.clientSecret || "").startsWith("seti_");
  }

  create(type, options) {
    if (type !== "payment") throw new IntegrationError(`The sandbox plays the payment element only, not ${type}.`);
    if (this.element) throw new IntegrationError("Can only create one Element of type payment.");
    this.element = new PaymentElement(this, options);
    return this.element;
  }

  getElement(type) {
    return type === "payment" ? this.element : null;
  }

  update(options) {
    this.refuseOldOptions(options);
    Object.assign(this.options, options);
    this.submitted = false;
    if (options.currency || options.allowedPaymentMethodTypes) {
      this.ready = this.load();
      this.ready.then((about) => {
        if (!this.element?.host) return;
        this.element.about = about;
        if (!about.types.includes(this.element.type)) this.element.type = about.types[0];
        this.element.draw();
        this.element.changed();
      }, () => {});
    } else if (this.element?.host && this.element.about) {
      this.element.draw();
    }
  }

  async fetchUpdates() {
    return {};
  }

  async submit() {
    if (!this.element?.host) throw new IntegrationError("elements.submit() needs a mounted Payment Element.");
    await this.ready.catch(() => {});
    if (!this.element.about) return { error: { type: "api_connection_error", message: "The form has not loaded." } };
    const error = this.element.check();
    this.submitted = !error;
    return error ? { error } : { selectedPaymentMethod: this.element.type };
  }
}

/* --------------------------------------------------------- 3-D Secure */

/** Ask in place of the bank; resolves to whether the payer passed. */
function askBank() {
  return new Promise((resolve) => {
    const host = node("div", { "data-sandbox": "3d-secure" });
    const root = host.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet(DIALOG_LOOKS)];
    const pass = node("button", { type: "button", text: "Complete authentication" });
    const fail = node("button", { type: "button", class: "fail", text: "Fail authentication" });
    const dialog = node("dialog", { "aria-labelledby": "title" },
      node("h2", { id: "title", text: "Your bank asks: is this you?" }),
      node("p", { text: "Sandbox: this plays the bank's 3-D Secure check. Choose what the bank should answer." }),
      node("div", { class: "buttons" }, pass, fail));
    root.append(dialog);
    document.body.append(host);
    const done = (passed) => {
      host.remove();
      resolve(passed);
    };
    pass.addEventListener("click", () => done(true));
    fail.addEventListener("click", () => done(false));
    dialog.addEventListener("cancel", () => done(false));
    dialog.showModal();
  });
}

/* ------------------------------------------------------------- Stripe() */

const KINDS = {
  pi: { path: "/v1/payment_intents/", result: "paymentIntent", object: "payment_intent", last: "last_payment_error" },
  seti: { path: "/v1/setup_intents/", result: "setupIntent", object: "setup_intent", last: "last_setup_error" },
};

function readSecret(secret, wanted) {
  const match = /^((pi|seti)_\w+)_secret_\w+$/.exec(secret || "");
  if (!match || (wanted && match[2] !== wanted)) {
    throw new IntegrationError(`Invalid value for clientSecret: it should look like ${wanted || "pi"}_…_secret_….`);
  }
  return { id: match[1], ...KINDS[match[2]] };
}

class StripeClient {
  constructor(key) {
    this.key = key;
    this._registerWrapper = () => {};
    this.registerAppInfo = () => {};
  }

  elements(options = {}) {
    return new Elements(this.key, options);
  }

  retrievePaymentIntent(secret) {
    return this.retrieve(readSecret(secret, "pi"), secret);
  }

  retrieveSetupIntent(secret) {
    return this.retrieve(readSecret(secret, "seti"), secret);
  }

  confirmPayment(options) {
    return this.confirm("pi", options);
  }

  confirmSetup(options) {
    return this.confirm("seti", options);
  }

  async createPaymentMethod({ elements, params = {} }) {
    if (!elements?.submitted) throw new IntegrationError("elements.submit() must be called before this.");
    const made = await call(this.key, "POST", "/v1/payment_methods", elements.element.data(params));
    return made.error ? { error: made.error } : { paymentMethod: made.body };
  }

  async handleNextAction({ clientSecret }) {
    const intent = readSecret(clientSecret);
    const found = await call(this.key, "GET", intent.path + intent.id, { client_secret: clientSecret });
    if (found.error) return { error: found.error };
    return this.finish(intent, clientSecret, found.body);
  }

  async retrieve(intent, secret) {
    const found = await call(this.key, "GET", intent.path + intent.id, { client_secret: secret });
    return found.error ? { error: found.error } : { [intent.result]: found.body };
  }

  async confirm(kind, { elements, clientSecret, confirmParams = {}, redirect = "always" }) {
    const secret = clientSecret || elements?.options.clientSecret;
    const intent = readSecret(secret, kind);
    if (redirect !== "if_required" && !confirmParams.return_url) {
      throw new IntegrationError("confirmParams.return_url is required, unless redirect is if_required.");
    }
    const { payment_method_data: data, ...params } = confirmParams;
    if (elements) {
      const refused = await this.prepare(elements, intent, secret);
      if (refused) return { error: refused };
      const made = await call(this.key, "POST", "/v1/payment_methods", elements.element.data(data));
      if (made.error) return { error: made.error };
      params.payment_method = made.body.id;
    }
    const sent = { ...params, client_secret: secret, use_stripe_sdk: true };
    const answer = await call(this.key, "POST", `${intent.path}${intent.id}/confirm`, sent);
    if (answer.error) return { error: answer.error };
    const result = await this.finish(intent, secret, answer.body);
    if (!result.error && redirect !== "if_required") return this.leave(confirmParams.return_url, intent, secret, result);
    return result;
  }

  /** What must hold before confirming with a form: submitted, complete, and made for this very intent. */
  async prepare(elements, intent, secret) {
    const { mode, amount, currency, clientSecret } = elements.options;
    if (!clientSecret && !elements.submitted) {
      throw new IntegrationError("elements.submit() must be called before stripe.confirmPayment() or confirmSetup().");
    }
    if (clientSecret) {
      const { error } = await elements.submit();
      if (error) return error;
      return null;
    }
    if ((mode === "setup") !== (intent.object === "setup_intent")) {
      throw new IntegrationError(`The mode ${mode} of Elements does not match a ${intent.object}.`);
    }
    if (mode !== "payment") return null;
    const found = await call(this.key, "GET", intent.path + intent.id, { client_secret: secret });
    if (found.error) return found.error;
    if (found.body.amount !== amount || found.body.currency !== currency.toLowerCase()) {
      throw new IntegrationError("The PaymentIntent's amount and currency do not match those given to Elements.");
    }
    return null;
  }

  /** Do what the intent still asks of the payer here. */
  async finish(intent, secret, body) {
    if (body.status !== "requires_action" || body.next_action?.type === "verify_with_microdeposits") {
      return { [intent.result]: body };
    }
    const passed = await askBank();
    const options = { method: "POST", body: JSON.stringify({ client_secret: secret, passed }) };
    const answer = await fetch(`${ORIGIN}/_sandbox/authenticate/${intent.id}`, options);
    const after = await answer.json();
    if (!answer.ok) return { error: after.error };
    const error = after[intent.last];
    if (after.status === "requires_payment_method" && error) {
      return { error: { ...error, [intent.object]: after } };
    }
    return { [intent.result]: after };
  }

  leave(url, intent, secret, result) {
    const to = new URL(url, location.href);
    const status = result[intent.result].status === "succeeded" ? "succeeded" : "pending";
    to.searchParams.set(intent.object, intent.id);
    to.searchParams.set(`${intent.object}_client_secret`, secret);
    to.searchParams.set("redirect_status", status);
    location.assign(to);
    return new Promise(() => {});
  }
}

window.Stripe = function Stripe(key) {
  if (!/^pk_test_\w+$/.test(key || "")) {
    throw new IntegrationError("The sandbox takes a publishable key that begins with pk_test_.");
  }
  return new StripeClient(key);
};
window.Stripe.version = "sandbox";
