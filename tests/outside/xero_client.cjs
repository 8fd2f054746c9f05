// xero-node connects as an app does, with a person's consent, and then works on the books of the organisation.
"use strict";
const crypto = require("node:crypto");
const https = require("node:https");
const { XeroClient } = require("xero-node");

const { keys, step, notice } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const REDIRECT = "http://localhost:8000/back";
const SCOPES = "openid profile email offline_access accounting.contacts accounting.invoices accounting.payments accounting.settings";

function consent(address, answer) {
  return new Promise((resolve, reject) => {
    const { search } = new URL(address);
    const form = new URLSearchParams(search);
    form.set("tenant", keys.tenant_id);
    form.set("answer", answer);
    const body = form.toString();
    const headers = { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": Buffer.byteLength(body) };
    const asked = { method: "POST", hostname: "login.xero.com", path: "/identity/connect/authorize", headers };
    const request = https.request(asked, (response) => { response.resume(); resolve(response.headers.location); });
    request.on("error", reject);
    request.end(body);
  });
}

// What the SDK gives for a refused call: the status and the first text.
async function refusal(call) {
  try { await call; } catch (error) {
    const { response } = typeof error === "string" ? JSON.parse(error) : error;
    const { Elements } = response.body || {};
    return { status: response.statusCode, text: Elements && Elements[0].ValidationErrors[0].Message };
  }
  return null;
}

async function connect() {
  const xero = new XeroClient({
    clientId: keys.client_id, clientSecret: keys.client_secret, redirectUris: [REDIRECT], scopes: SCOPES.split(" "), state: "s-1",
  });
  await xero.initialize();
  const address = await xero.buildConsentUrl();
  const refused = new URL(await consent(address, "cancel")).searchParams.get("error");
  const first = await xero.apiCallback(await consent(address, "approve"));
  const { email, given_name: name } = first.claims();
  const before = first.refresh_token;
  const second = await xero.refreshToken();
  const tenants = await xero.updateTenants();
  const tenant = tenants.find((one) => one.tenantId === keys.tenant_id);
  return { xero, tenant, told: { refused, email, name, lives: first.expires_in > 1790, rotated: before !== second.refresh_token,
    organisation: tenant.orgData.name } };
}

async function work() {
  const { xero, tenant, told } = await connect();
  const id = tenant.tenantId;
  const books = xero.accountingApi;
  const contacts = { contacts: [{ name: "Node Nursery", emailAddress: "ap@nursery.example" }] };
  const contact = (await books.createContacts(id, contacts)).body.contacts[0];
  const taken = await refusal(books.createContacts(id, contacts, true));
  const lineItems = [{ description: "Fee", quantity: 1, unitAmount: 100, accountCode: "200" }];
  const draft = { type: "ACCREC", contact: { contactID: contact.contactID }, lineItems, date: "2026-11-20", dueDate: "2026-12-04", reference: "node" };
  const invoices = { invoices: [draft] };
  const made = (await books.createInvoices(id, invoices, true, 4, "key-1")).body.invoices[0];
  const again = (await books.createInvoices(id, invoices, true, 4, "key-1")).body.invoices[0];
  const number = made.invoiceNumber;
  const found = (await books.getInvoices(id, undefined, 'Reference=="node"', "UpdatedDateUTC DESC", undefined, undefined, undefined, undefined, 1)).body;
  const approved = (await books.updateInvoice(id, made.invoiceID, { invoices: [{ status: "AUTHORISED" }] })).body.invoices[0];
  const account = (await books.getAccounts(id, undefined, 'Type=="BANK"')).body.accounts[0];
  const money = { invoice: { invoiceID: made.invoiceID }, account: { accountID: account.accountID }, amount: 110, date: "2026-11-21" };
  const payment = (await books.createPayment(id, money)).body.payments[0];
  const paid = (await books.getInvoice(id, made.invoiceID)).body.invoices[0];
  const frozen = await refusal(books.updateInvoice(id, made.invoiceID, { invoices: [{ status: "VOIDED" }] }));
  await books.deletePayment(id, payment.paymentID, { status: "DELETED" });
  const due = (await books.getInvoice(id, made.invoiceID)).body.invoices[0];
  await books.createInvoiceHistory(id, made.invoiceID, { historyRecords: [{ details: "from node" }] });
  const history = (await books.getInvoiceHistory(id, made.invoiceID)).body.historyRecords[0].details;
  const paper = (await books.getInvoiceAsPdf(id, made.invoiceID, { headers: { Accept: "application/pdf" } })).body;
  const online = (await books.getOnlineInvoice(id, made.invoiceID)).body.onlineInvoices[0].onlineInvoiceUrl;
  const voided = (await books.updateInvoice(id, made.invoiceID, { invoices: [{ status: "VOIDED" }] })).body.invoices[0];
  const unknown = await refusal(books.getInvoice(id, crypto.randomUUID()));
  const files = await refusal(books.getInvoiceAttachments(id, made.invoiceID));
  await xero.disconnect(tenant.id);
  const gone = await refusal(books.getOrganisations(id));
  await xero.revokeToken();
  return { told, taken, id: made.invoiceID, total: made.total, replayed: again.invoiceID === made.invoiceID, number,
    found: [found.invoices.length, found.pagination.itemCount, found.invoices[0].date], approved: approved.status,
    paid: [paid.status, paid.amountDue, paid.amountPaid], frozen, due: [due.status, due.amountDue], history,
    paper: Buffer.from(paper).subarray(0, 5).toString(), online: new URL(online).pathname.length > 30,
    voided: [voided.status, voided.amountDue], unknown, files, gone };
}

// As Xero's documents tell a receiver to do it: Base64 of HMAC-SHA256 of the raw body under the webhook's key.
function verify() {
  const digest = crypto.createHmac("sha256", keys.webhook_secret).update(notice.body).digest("base64");
  return { valid: digest === notice.signature, events: JSON.parse(notice.body).events.map((one) => [one.eventCategory, one.eventType, one.resourceId]) };
}

Promise.resolve(step === "verify" ? verify() : work())
  .then((done) => { console.log(JSON.stringify(done)); })
  .catch((error) => { console.error(error && error.response ? JSON.stringify(error.response.body) : error); process.exit(1); });
