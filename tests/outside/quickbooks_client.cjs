// intuit-oauth connects as an app does, with a person's consent; node-quickbooks then keeps the books.
"use strict";
const crypto = require("node:crypto");
const https = require("node:https");
const { promisify } = require("node:util");
const OAuthClient = require("intuit-oauth");
const QuickBooks = require("node-quickbooks");

const { keys, step, notice } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const REDIRECT = "http://localhost:8000/back";

function consent(address, realm, answer) {
  return new Promise((resolve, reject) => {
    const { search } = new URL(address);
    const form = new URLSearchParams(search);
    form.set("realm", realm);
    form.set("answer", answer);
    const body = form.toString();
    const headers = { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": Buffer.byteLength(body) };
    const request = https.request({ method: "POST", hostname: "appcenter.intuit.com", path: "/connect/oauth2", headers },
      (response) => { response.resume(); resolve(response.headers.location); });
    request.on("error", reject);
    request.end(body);
  });
}

async function connect() {
  const auth = new OAuthClient({ clientId: keys.client_id, clientSecret: keys.client_secret, environment: "sandbox", redirectUri: REDIRECT });
  const asked = auth.authorizeUri({ scope: [OAuthClient.scopes.Accounting, OAuthClient.scopes.OpenId], state: "s-1" });
  const refused = new URL(await consent(asked, keys.realm_id, "cancel")).searchParams.get("error");
  const back = await consent(asked, keys.realm_id, "connect");
  const first = (await auth.createToken(back)).getJson();
  const second = (await auth.refresh()).getJson();
  const user = (await auth.getUserInfo()).getJson();
  return { auth, refused, first, token: second.access_token, rotated: first.refresh_token !== second.refresh_token,
    refresh: second.refresh_token, email: user.email, state: new URL(back).searchParams.get("state") };
}

function books(token, refresh) {
  const qbo = new QuickBooks(keys.client_id, keys.client_secret, token, false, keys.realm_id, true, false, 75, "2.0", refresh);
  return new Proxy({}, { get: (_, name) => (...given) => patient(() => promisify(qbo[name].bind(qbo))(...copied(given))) });
}

// The library changes what it is given.
function copied(given) {
  return given.map((value) => (Buffer.isBuffer(value) || typeof value !== "object" || value instanceof Date ? value : structuredClone(value)));
}

// Ten calls a second and company: whoever is told to slow down waits.
async function patient(call) {
  for (let tries = 0; ; tries += 1) {
    try { return await call(); } catch (error) {
      if (tries === 5 || !error.response || error.response.status !== 429) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 1100); });
    }
  }
}

async function fault(call) {
  try { await call; } catch (error) { return error.response.data.Fault.Error[0].code; }
  return "";
}

async function work() {
  const session = await connect();
  const qbo = books(session.token, session.refresh);
  const customer = await qbo.createCustomer({ DisplayName: "Node's Nursery", PrimaryEmailAddr: { Address: "ap@nursery.example" } });
  const taken = await fault(qbo.createCustomer({ DisplayName: "Node's Nursery" }));
  const found = await qbo.findCustomers([{ field: "DisplayName", value: "Node's Nursery", operator: "=" }]);
  const item = (await qbo.findItems({ Type: "Service", limit: 1 })).QueryResponse.Item[0];
  const line = { Amount: 120, DetailType: "SalesItemLineDetail", SalesItemLineDetail: { ItemRef: { value: item.Id }, Qty: 1, UnitPrice: 120 } };
  const sale = { CustomerRef: { value: customer.Id }, DocNumber: "NODE-1", Line: [line] };
  const invoice = await qbo.createInvoice({ ...sale, requestId: "node-1" });
  const again = await qbo.createInvoice({ ...sale, requestId: "node-1" });
  const changed = await qbo.updateInvoice({ Id: invoice.Id, SyncToken: invoice.SyncToken, PrivateNote: "from node" });
  const stale = await fault(qbo.updateInvoice({ Id: invoice.Id, SyncToken: invoice.SyncToken, PrivateNote: "late" }));
  const payment = await qbo.createPayment({ CustomerRef: { value: customer.Id }, TotalAmt: 120,
    Line: [{ Amount: 120, LinkedTxn: [{ TxnId: invoice.Id, TxnType: "Invoice" }] }] });
  const paid = await qbo.getInvoice(invoice.Id);
  await qbo.voidPayment({ Id: payment.Id, SyncToken: payment.SyncToken });
  const due = await qbo.getInvoice(invoice.Id);
  const sent = await qbo.sendInvoicePdf(invoice.Id, "ap@nursery.example");
  const paper = await qbo.getInvoicePdf(invoice.Id);
  const file = await qbo.upload("note.txt", "text/plain", Buffer.from("line one\r\nline two\r\n"), "Invoice", invoice.Id);
  const batch = await qbo.batch([{ bId: "1", operation: "create", Customer: { DisplayName: "Batch made" } }, { bId: "2", Query: "select count(*) from Invoice" }]);
  const changes = await qbo.changeDataCapture(["Customer", "Invoice"], new Date(Date.now() - 3600e3));
  await qbo.voidInvoice(invoice.Id);
  const voided = await qbo.getInvoice(invoice.Id);
  const counted = await qbo.findInvoices([{ field: "DocNumber", value: "NODE-1" }, { count: true }]);
  await session.auth.revoke({ token: session.refresh });
  let after = 0;
  try { await qbo.getInvoice(invoice.Id); } catch (error) { after = error.response.status; }
  return {
    connected: { refused: session.refused, rotated: session.rotated, email: session.email, state: session.state, lives: session.first.expires_in },
    customer: found.QueryResponse.Customer.map((row) => row.PrimaryEmailAddr.Address), taken,
    invoice: { total: invoice.TotalAmt, replayed: again.Id === invoice.Id, note: changed.PrivateNote, stale, paid: paid.Balance, due: due.Balance,
      mailed: (sent.Invoice || sent).EmailStatus, paper: Buffer.from(paper).subarray(0, 5).toString(), voided: [voided.TotalAmt, voided.PrivateNote],
      count: counted.QueryResponse.totalCount, id: invoice.Id },
    file: { size: file.Size, on: file.AttachableRef[0].EntityRef.value === invoice.Id },
    batch: batch.BatchItemResponse.map((row) => row.Customer ? row.Customer.DisplayName : row.QueryResponse.totalCount),
    changes: changes.CDCResponse[0].QueryResponse.map((group) => Object.keys(group)[0]),
    after,
  };
}

// The check of Intuit's own sample in Node: HMAC-SHA256 of the raw body under the verifier token, in Base64.
function verify() {
  const digest = crypto.createHmac("sha256", keys.webhook_secret).update(notice.body).digest("base64");
  return { valid: digest === notice.signature, types: JSON.parse(notice.body).map((event) => event.type) };
}

Promise.resolve(step === "verify" ? verify() : work()).then((done) => console.log(JSON.stringify(done)), (error) => {
  console.error(error, error.response && JSON.stringify(error.response.data));
  process.exit(1);
});
