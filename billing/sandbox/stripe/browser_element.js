/* The Payment Element: drawing the fields, judging them, and telling the page. Looks come first. */

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
