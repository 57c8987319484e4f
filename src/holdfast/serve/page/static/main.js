// The page of a model; where keys are needed, first a field for the key.

import { make } from "./answer.js";
import { say, takeRequests } from "./ask.js";
import { watchLive } from "./live.js";
import { showReceipt } from "./receipt.js";
import { unlock } from "./unlock.js";

const $ = selector => document.querySelector(selector);
const addressOf = path => new URL(path, document.baseURI);
// The key stays here: in no field that is kept, no storage, no address.
let secret = "";
let seal, moved;

if ($("#locked")) askForKey(); else begin();
addEventListener("popstate", () => location.reload());

function begin() {
  const { root, model } = document.body.dataset;
  ({ seal } = document.body.dataset);
  moved = false;
  const own = addressOf(`${root}models/${encodeURIComponent(model)}/`);
  if (seal) {
    takeRequests(new URL("invocations", own), authorization);
    showReceipt(new URL("receipt", own), authorization);
  }
  watchLive({ address: addressOf(`${root}live`), model, authorization, onSeal: noticeChange });
}

function authorization() {
  return secret ? { authorization: `Bearer ${secret}` } : {};
}

/** Another version answers under this name: what the page says of it is old. */
function noticeChange(sample) {
  if (!seal && sample.ready) again();
  if (!seal || !sample.seal || sample.seal === seal || moved) return;
  moved = true;
  const button = make("button", { type: "button" }, "Show it");
  button.addEventListener("click", again);
  $("h1").after(make("p", { role: "status", class: "moved" },
    "Another version answers now. ", button));
}

function again() {
  if (secret) open(); else location.reload();
}

function askForKey() {
  $("#locked").addEventListener("submit", event => {
    event.preventDefault();
    secret = $("#secret").value.trim();
    open();
  });
  $("#locked button").disabled = false;
}

/** The page of this address, with the key, in the place of what is shown. */
async function open() {
  const refused = await unlock(addressOf("page"), authorization());
  if (refused) {
    say(refused, "bad");
    $("#secret")?.focus();
    return;
  }
  begin();
  for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", follow);
  $("h1").tabIndex = -1;
  $("h1").focus();
}

/** A link that the browser followed would lose the key. */
function follow(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  history.pushState(null, "", event.currentTarget.href);
  open();
}
