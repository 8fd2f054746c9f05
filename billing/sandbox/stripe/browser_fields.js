/* What each payment method asks for: its fields, what makes them right, and the words of its permission. */

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
