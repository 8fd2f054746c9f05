// Asks one address with the plainest client there is.
"use strict";
const https = require("node:https");

const { url } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
try {
  https.get(url, (answer) => {
    answer.resume();
    console.log(JSON.stringify({ status: answer.statusCode }));
  });
} catch (error) {
  console.log(JSON.stringify({ refused: error.message }));
}
