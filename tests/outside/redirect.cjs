// Loaded before an SDK: the hosts it has written into it are answered by sandboxes on loopback, and no other is reached.
// SANDBOX_HOSTS is JSON: {"identity.xero.com": "http://127.0.0.1:8510"}.
"use strict";
const http = require("node:http");
const https = require("node:https");
const { urlToHttpOptions } = require("node:url");

const hosts = JSON.parse(process.env.SANDBOX_HOSTS || "{}");
const plain = { request: http.request };

function options(input, more) {
  const given = typeof input === "string" ? urlToHttpOptions(new URL(input))
    : input instanceof URL ? urlToHttpOptions(input) : input;
  return { ...given, ...(typeof more === "object" ? more : {}) };
}

function request(input, more, callback) {
  const wanted = options(input, more);
  const host = wanted.hostname || String(wanted.host || "").split(":")[0];
  const target = hosts[host] ? new URL(hosts[host]) : null;
  if (!target && host !== "127.0.0.1" && host !== "localhost") throw new Error(`no sandbox stands in for ${host}`);
  const there = target ? { hostname: target.hostname, port: target.port } : {};
  const redirected = { ...wanted, ...there, host: undefined, protocol: "http:", agent: undefined, agents: undefined };
  if (target) redirected.headers = { ...wanted.headers, host: target.host };
  return plain.request(redirected, typeof more === "function" ? more : callback);
}

function get(input, more, callback) {
  const sent = request(input, more, callback);
  sent.end();
  return sent;
}

for (const door of [http, https]) Object.assign(door, { request, get });
