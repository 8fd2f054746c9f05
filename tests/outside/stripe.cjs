// Stripe's own node SDK, told only where the sandbox is: connects, creates, queries, updates, pays, cancels, refunds.
"use strict";
const Stripe = require("stripe");

const given = JSON.parse(require("node:fs").readFileSync(0, "utf8"));

function connect(key) {
  const at = new URL(given.base_url);
  return new Stripe(key, { host: at.hostname, port: at.port, protocol: "http", maxNetworkRetries: 2 });
}

const told = (error) => ({ type: error.type, code: error.code, status: error.statusCode, param: error.param });
const refusal = (call) => call.then(() => null, told);

async function trade(stripe) {
  const account = await stripe.accounts.retrieveCurrent();
  const hook = await stripe.webhookEndpoints.create({ url: given.hook, enabled_events: ["*"] });
  const customer = await stripe.customers.create(
    { name: "Wattle Bakery", email: "books@wattle.example", metadata: { client: "7" } }, { idempotencyKey: "customer-1" });
  const again = await stripe.customers.create(
    { name: "Wattle Bakery", email: "books@wattle.example", metadata: { client: "7" } }, { idempotencyKey: "customer-1" });
  const updated = await stripe.customers.update(customer.id, { phone: "+61 2 5550 0100", metadata: { client: "" } });
  const setup = await stripe.setupIntents.create(
    { customer: customer.id, payment_method: "pm_card_visa", confirm: true, return_url: "https://pay.example/" });
  const charge = { currency: "aud", customer: customer.id, payment_method: setup.payment_method, confirm: true,
    off_session: true, return_url: "https://pay.example/", expand: ["latest_charge"] };
  const paid = await stripe.paymentIntents.create({ ...charge, amount: 110000, description: "INV-1" });
  const held = await stripe.paymentIntents.create(
    { ...charge, amount: 5000, off_session: undefined, capture_method: "manual" });
  const captured = await stripe.paymentIntents.capture(held.id, { amount_to_capture: 3000 });
  const open = await stripe.paymentIntents.create({ amount: 700, currency: "aud" });
  const canceled = await stripe.paymentIntents.cancel(open.id, { cancellation_reason: "duplicate" });
  const refund = await stripe.refunds.create({ payment_intent: held.id, amount: 1000 });
  const names = [];
  for await (const each of stripe.customers.list({ limit: 1 })) names.push(each.name);
  return {
    account: account.id, hook: { id: hook.id, secret: hook.secret }, customer: customer.id, same: again.id === customer.id,
    phone: updated.phone, metadata: updated.metadata, paid: [paid.status, paid.latest_charge.paid, paid.amount_received],
    captured: [captured.status, captured.amount_received], canceled: canceled.status, names,
    refund: [refund.object, refund.amount],
    refusals: {
      decline: await refusal(stripe.paymentIntents.create({ ...charge, off_session: undefined, amount: 900,
        payment_method: "pm_card_visa_chargeDeclined", customer: undefined })),
      unknown: await refusal(stripe.customers.create({ nickname: "W" })),
      missing: await refusal(stripe.customers.retrieve("cus_nobody")),
      mismatch: await refusal(stripe.customers.create({ name: "Other" }, { idempotencyKey: "customer-1" })),
      key: await refusal(connect("sk_test_nobody").balance.retrieve()),
    },
  };
}

/** What the SDK makes of a delivery: verified with the right secret, refused with another or when it was changed. */
function verify(stripe) {
  const { body, signature, secret } = given;
  const event = stripe.webhooks.constructEvent(body, signature, secret);
  const broken = [[body, "whsec_other"], [body.replace("Wattle", "Mallet"), secret]].map(([text, key]) => {
    try {
      stripe.webhooks.constructEvent(text, signature, key);
      return "accepted";
    } catch (error) {
      return error.type;
    }
  });
  return { type: event.type, object: event.data.object.id, version: event.api_version, broken };
}

const stripe = connect(given.secret_key);
Promise.resolve(given.body ? verify(stripe) : trade(stripe)).then((answer) => console.log(JSON.stringify(answer)));
