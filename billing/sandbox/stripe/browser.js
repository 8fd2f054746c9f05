/*
 * The sandbox's stand-in for Stripe.js: the Payment Element, and confirming with it.
 *
 * It answers to the names the product uses (docs.stripe.com/js), talks to the sandbox it was loaded from, and works
 * under a strict content security policy: no inline script, no style attributes. What it does not play is not there.
 */
(() => {
  "use strict";

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

  /* ---------------------------------------------------------------- fields */

  const digits = (text) => text.replace(/\D/g, "");

  function luhn(number) {
    let sum = 0;
    [...number].reverse().forEach((digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      sum += value > 9 ? value - 9 : value;
    });
    return sum % 10 === 0;
  }

  function expiry(text) {
    const number = digits(text);
    return { month: Number(number.slice(0, 2)), year: 2000 + Number(number.slice(2, 4)), whole: number.length === 4 };
  }

  function notPast(text) {
    const { month, year, whole } = expiry(text);
    if (!whole || month < 1 || month > 12) return false;
    const now = new Date();
    return year > now.getFullYear() || (year === now.getFullYear() && month >= now.getMonth() + 1);
  }

  const groups = (text) => digits(text).slice(0, 19).replace(/(\d{4})(?=\d)/g, "$1 ");
  const slashed = (text) => {
    const number = digits(text).slice(0, 4);
    return number.length > 2 ? `${number.slice(0, 2)} / ${number.slice(2)}` : number;
  };
  const hyphened = (text) => {
    const number = digits(text).slice(0, 6);
    return number.length > 3 ? `${number.slice(0, 3)}-${number.slice(3)}` : number;
  };

  const NAME = {
    id: "name", label: "Account holder name", complete: "name", valid: (text) => text.trim().length > 1,
    wrong: "Enter the account holder's name.", wide: true,
  };
  const EMAIL = {
    id: "email", label: "Email", complete: "email", mode: "email", valid: (text) => /^\S+@\S+\.\S+$/.test(text),
    wrong: "Enter an email address for the debit notices.", wide: true,
  };

  /** What each payment method asks for, in order. */
  const FORMS = {
    card: {
      title: "Card",
      hint: "Sandbox: no real card. Try 4242 4242 4242 4242, or 4000 0025 0000 3155 for 3-D Secure, or " +
        "4000 0000 0000 9995 for a decline, with any future date and any security code.",
      fields: [
        {
          id: "number", label: "Card number", complete: "cc-number", mode: "numeric", wide: true, shape: groups,
          sample: "1234 1234 1234 1234", wrong: "Your card number is incomplete or incorrect.",
          valid: (text) => digits(text).length >= 13 && luhn(digits(text)),
        },
        {
          id: "expiry", label: "Expiration date", complete: "cc-exp", mode: "numeric", shape: slashed,
          sample: "MM / YY", valid: notPast, wrong: "Your card's expiration date is incomplete or in the past.",
        },
        {
          id: "cvc", label: "Security code", complete: "cc-csc", mode: "numeric", sample: "CVC",
          shape: (text) => digits(text).slice(0, 4), valid: (text) => /^\d{3,4}$/.test(text),
          wrong: "Your card's security code is incomplete.",
        },
      ],
      details: (values) => ({
        number: digits(values.number), exp_month: expiry(values.expiry).month, exp_year: expiry(values.expiry).year,
        cvc: values.cvc,
      }),
      terms: (business) => `By providing your card information, you allow ${business} to charge your card for future ` +
        "payments in accordance with their terms.",
    },
    au_becs_debit: {
      title: "BECS Direct Debit",
      hint: "Sandbox: no real bank account. Try BSB 000-000 with account 000123456, or 111111113 for a debit that fails.",
      fields: [
        NAME,
        EMAIL,
        {
          id: "bsb", label: "BSB number", mode: "numeric", sample: "000-000", shape: hyphened,
          valid: (text) => digits(text).length === 6, wrong: "Enter the six digits of the BSB.",
        },
        {
          id: "account", label: "Account number", mode: "numeric", sample: "000123456",
          shape: (text) => digits(text).slice(0, 9), valid: (text) => digits(text).length >= 5,
          wrong: "Enter the account number: five to nine digits.",
        },
      ],
      details: (values) => ({ bsb_number: digits(values.bsb), account_number: digits(values.account) }),
      always: true,
      terms: (business) => "By providing your bank account details, you agree to this Direct Debit Request and its " +
        `service agreement (sandbox text), and you authorise the debit of your account on behalf of ${business} for ` +
        "the amounts they tell you. You certify that you may sign on this account alone.",
    },
    us_bank_account: {
      title: "US bank account",
      hint: "Sandbox: no real bank account. Try routing number 110000000 with account 000123456789, or 000111111113 " +
        "for a debit that fails.",
      fields: [
        NAME,
        EMAIL,
        {
          id: "routing", label: "Routing number", mode: "numeric", sample: "110000000",
          shape: (text) => digits(text).slice(0, 9), wrong: "Enter the nine digits of the routing number.",
          valid: (text) => /^\d{9}$/.test(text) &&
            [...text].reduce((sum, digit, place) => sum + Number(digit) * [3, 7, 1][place % 3], 0) % 10 === 0,
        },
        {
          id: "account", label: "Account number", mode: "numeric", sample: "000123456789",
          shape: (text) => digits(text).slice(0, 17), valid: (text) => digits(text).length >= 4,
          wrong: "Enter the account number.",
        },
        {
          id: "holder", label: "Account holder", choices: { individual: "Individual", company: "Company" }, wide: true,
          valid: () => true,
        },
      ],
      details: (values) => ({
        routing_number: digits(values.routing), account_number: digits(values.account),
        account_holder_type: values.holder,
      }),
      always: true,
      terms: (business) => `By continuing, you authorise ${business} to debit this bank account for the amounts you owe ` +
        "them, now and in future, until you tell them to stop (sandbox text).",
    },
    sepa_debit: {
      title: "SEPA Direct Debit",
      hint: "Sandbox: no real bank account. Try IBAN DE89 3704 0044 0532 0130 00.",
      fields: [
        NAME,
        EMAIL,
        {
          id: "iban", label: "IBAN", sample: "DE00 0000 0000 0000 0000 00", wide: true,
          shape: (text) => text.toUpperCase().slice(0, 42), wrong: "Enter the IBAN.",
          valid: (text) => /^[A-Z]{2}\d{2}[A-Z0-9]{8,30}$/.test(text.replace(/\s/g, "")),
        },
      ],
      details: (values) => ({ iban: values.iban.replace(/\s/g, "") }),
      always: true,
      terms: (business) => `By providing your IBAN, you authorise ${business} to send instructions to your bank to debit ` +
        "your account. You may ask your bank for a refund within eight weeks (sandbox text).",
    },
  };

  /* ----------------------------------------------------------------- looks */

  const LOOKS = `
    :host { display: block; color: var(--text); font: 16px/1.4 var(--font); }
    * { box-sizing: border-box; }
    .tabs { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 8px; margin: 0 0 14px; border: 0; padding: 0; }
    .tabs legend { padding: 0; margin: 0 0 6px; font-size: 15px; }
    .tab { display: flex; align-items: center; gap: 8px; min-height: 48px; padding: 8px 12px; border: 1px solid var(--line); border-radius: var(--radius); background: var(--field); cursor: pointer; }
    .tab:has(:checked) { border-color: var(--primary); box-shadow: inset 0 0 0 1px var(--primary); }
    .tab input { accent-color: var(--primary); width: 18px; height: 18px; margin: 0; }
    .fields { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
    .field { min-width: 0; }
    .wide { grid-column: 1 / -1; }
    label { display: block; font-size: 15px; margin: 0 0 4px; }
    .tab label { margin: 0; }
    .field input, .field select { width: 100%; min-height: 48px; padding: 10px 12px; font: inherit; color: inherit; background: var(--field); border: 1px solid var(--line); border-radius: var(--radius); }
    :focus-visible { outline: 3px solid var(--focus); outline-offset: 1px; }
    [aria-invalid="true"] { border-color: var(--danger); }
    .wrong { margin: 4px 0 0; font-size: 14px; color: var(--danger); }
    .hint { margin: 12px 0 0; padding: 8px 12px; font-size: 14px; border-left: 4px solid #5a3fd6; background: #ece7ff; color: #241a4d; border-radius: 4px; }
    .terms { margin: 12px 0 0; font-size: 14px; color: var(--soft); }
    [hidden] { display: none !important; }
    @media (max-width: 340px) { .fields { grid-template-columns: 1fr; } }
  `;

  const DIALOG_LOOKS = `
    * { box-sizing: border-box; }
    dialog { max-width: 420px; width: calc(100% - 32px); border: 0; border-top: 6px solid #5a3fd6; border-radius: 10px; padding: 24px; color: #241a4d; background: #fff; font: 16px/1.5 system-ui, sans-serif; }
    dialog::backdrop { background: rgb(20 10 60 / 60%); }
    h2 { font-size: 20px; margin: 0 0 8px; }
    p { margin: 0 0 16px; }
    .buttons { display: flex; flex-wrap: wrap; gap: 8px; }
    button { font: inherit; font-weight: 600; min-height: 48px; padding: 8px 16px; border: 1px solid #5a3fd6; border-radius: 8px; background: #5a3fd6; color: #fff; cursor: pointer; }
    button.fail { background: #fff; color: #2b1a78; }
    :focus-visible { outline: 3px solid #b59bff; outline-offset: 2px; }
  `;

  function sheet(text) {
    const made = new CSSStyleSheet();
    made.replaceSync(text);
    return made;
  }

  /** The variables of the Appearance API that the sandbox follows (docs.stripe.com/elements/appearance-api). */
  function appearanceSheet(appearance = {}) {
    const given = appearance.variables || {};
    const night = appearance.theme === "night";
    const chosen = {
      "--primary": given.colorPrimary || "#5a3fd6",
      "--text": given.colorText || (night ? "#f4f4f6" : "#1c1c22"),
      "--soft": given.colorTextSecondary || (night ? "#c3c3cc" : "#55555f"),
      "--field": given.colorBackground || (night ? "#24242c" : "#ffffff"),
      "--danger": given.colorDanger || (night ? "#ff9aa5" : "#a3152a"),
      "--line": night ? "#8a8a96" : "#85858f",
      "--focus": given.colorPrimary || "#5a3fd6",
      "--radius": given.borderRadius || "6px",
      "--font": given.fontFamily || "system-ui, sans-serif",
    };
    const safe = Object.entries(chosen).filter(([, value]) => !/[{};]/.test(value));
    return sheet(`:host { ${safe.map(([name, value]) => `${name}: ${value};`).join(" ")} }`);
  }

  function node(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") made.textContent = value;
      else if (value === true) made.setAttribute(name, "");
      else if (value !== false && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  /* ------------------------------------------------------- Payment Element */

  class PaymentElement {
    constructor(elements, options) {
      this.elements = elements;
      this.options = options || {};
      this.handlers = {};
      this.values = {};
      this.inputs = {};
      this.type = null;
      this.host = null;
      this.told = "";
    }

    on(name, handler) {
      (this.handlers[name] ||= []).push(handler);
      return this;
    }

    once(name, handler) {
      const once = (event) => {
        this.off(name, once);
        handler(event);
      };
      return this.on(name, once);
    }

    off(name, handler) {
      this.handlers[name] = (this.handlers[name] || []).filter((each) => handler && each !== handler);
      return this;
    }

    tell(name, about = {}) {
      for (const handler of [...(this.handlers[name] || [])]) handler({ elementType: "payment", ...about });
    }

    mount(where) {
      const place = typeof where === "string" ? document.querySelector(where) : where;
      if (!place) throw new IntegrationError(`The selector you specified (${where}) applies to no DOM elements.`);
      this.unmount();
      this.host = node("div", { class: "StripeElement", "data-sandbox": "stripe" });
      this.root = this.host.attachShadow({ mode: "open" });
      place.replaceChildren(this.host);
      this.elements.ready.then(
        (about) => {
          if (!this.host) return;
          this.about = about;
          this.type = this.order(about.types)[0];
          this.draw();
          this.tell("ready");
          this.changed();
        },
        (error) => this.tell("loaderror", { error }),
      );
      return this;
    }

    unmount() {
      if (this.host) this.host.remove();
      this.host = null;
      return this;
    }

    destroy() {
      this.unmount();
      this.handlers = {};
      this.elements.element = null;
      return this;
    }

    update(options) {
      Object.assign(this.options, options);
      if (this.about && this.host) this.draw();
      return this;
    }

    focus() {
      Object.values(this.inputs)[0]?.focus();
      return this;
    }

    blur() {
      this.root?.activeElement?.blur();
      return this;
    }

    clear() {
      this.values = {};
      if (this.about && this.host) this.draw();
      this.changed();
      return this;
    }

    order(types) {
      const wanted = this.options.paymentMethodOrder || [];
      return [...wanted.filter((type) => types.includes(type)), ...types.filter((type) => !wanted.includes(type))];
    }

    /** The fields to ask for: billing details that the page collects itself are left out. */
    fields() {
      const asked = this.options.fields?.billingDetails;
      const never = (name) => asked === "never" || asked?.[name] === "never";
      return FORMS[this.type].fields.filter((field) => !["name", "email"].includes(field.id) || !never(field.id));
    }

    draw() {
      const sheets = [sheet(LOOKS), appearanceSheet(this.elements.options.appearance)];
      this.root.adoptedStyleSheets = sheets;
      const form = FORMS[this.type];
      const parts = [];
      if (this.about.types.length > 1) parts.push(this.tabs());
      const fields = node("div", { class: "fields" });
      this.inputs = {};
      for (const field of this.fields()) fields.append(this.field(field));
      parts.push(fields);
      if (form.always || this.elements.saves()) {
        if (this.options.terms?.[this.type] !== "never") {
          const business = this.options.business?.name || this.about.business;
          parts.push(node("p", { class: "terms", text: form.terms(business) }));
        }
      }
      parts.push(node("p", { class: "hint", text: form.hint }));
      this.root.replaceChildren(...parts);
    }

    tabs() {
      const set = node("fieldset", { class: "tabs" }, node("legend", { text: "Payment method" }));
      for (const type of this.order(this.about.types)) {
        const input = node("input", {
          type: "radio", name: "type", id: `type-${type}`, value: type, checked: type === this.type,
        });
        input.addEventListener("change", () => {
          this.type = type;
          this.draw();
          this.root.getElementById(`type-${type}`)?.focus();
          this.changed();
        });
        set.append(node("div", { class: "tab" }, input, node("label", { for: input.id, text: FORMS[type].title })));
      }
      return set;
    }

    field(field) {
      const id = `field-${field.id}`;
      const defaults = this.options.defaultValues?.billingDetails || {};
      this.values[field.id] ??= defaults[field.id] || (field.choices ? Object.keys(field.choices)[0] : "");
      let input;
      if (field.choices) {
        const options = Object.entries(field.choices).map(([value, text]) => node("option", { value, text }));
        input = node("select", { id }, ...options);
      } else {
        input = node("input", {
          id, type: field.mode === "email" ? "email" : "text", inputmode: field.mode, autocomplete: field.complete || "off",
          placeholder: field.sample, "aria-describedby": `${id}-wrong`, spellcheck: "false",
        });
      }
      input.value = this.values[field.id];
      const wrong = node("p", { class: "wrong", id: `${id}-wrong`, role: "alert", hidden: true });
      input.addEventListener("input", () => {
        if (field.shape && input.selectionStart === input.value.length) input.value = field.shape(input.value);
        this.values[field.id] = input.value;
        if (!wrong.hidden) this.judge(field);
        this.changed();
      });
      input.addEventListener("focus", () => this.tell("focus"));
      input.addEventListener("blur", () => {
        if (input.value) this.judge(field);
        this.tell("blur");
      });
      this.inputs[field.id] = input;
      return node("div", { class: field.wide ? "field wide" : "field" },
        node("label", { for: id, text: field.label }), input, wrong);
    }

    /** Show beside a field what is wrong with it; returns whether it is right. */
    judge(field) {
      const input = this.inputs[field.id];
      const right = field.valid(this.values[field.id] || "");
      const wrong = this.root.getElementById(`field-${field.id}-wrong`);
      wrong.textContent = right ? "" : field.wrong;
      wrong.hidden = right;
      input.setAttribute("aria-invalid", right ? "false" : "true");
      return right;
    }

    complete() {
      return Boolean(this.type) && this.fields().every((field) => field.valid(this.values[field.id] || ""));
    }

    changed() {
      const about = {
        complete: this.complete(), empty: this.fields().every((field) => field.choices || !this.values[field.id]),
        collapsed: false, value: { type: this.type },
      };
      const told = JSON.stringify(about);
      if (told === this.told) return;
      this.told = told;
      this.tell("change", about);
    }

    /** Judge every field and go to the first wrong one; returns an error or null. */
    check() {
      const wrong = this.fields().filter((field) => !this.judge(field));
      if (!wrong.length) return null;
      this.inputs[wrong[0].id].focus();
      return validation(`incomplete_${wrong[0].id}`, wrong[0].wrong);
    }

    /** The payment method as the API takes it. */
    data(given = {}) {
      const billing = { ...(given.billing_details || {}) };
      for (const name of ["name", "email"]) if (this.inputs[name]) billing[name] ||= this.values[name];
      return { type: this.type, [this.type]: FORMS[this.type].details(this.values), billing_details: billing };
    }
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
})();
