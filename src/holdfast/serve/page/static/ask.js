// Asking for predictions: with a form, a drawing or JSON, and what is said of the answer.

import { make, other, problem, shown } from "./answer.js";
import { copy, tellCommand } from "./command.js";
import { read, write } from "./exact.js";
import * as form from "./form.js";
import { openPad } from "./pad.js";

const $ = selector => document.querySelector(selector);
const PAUSE = 200; // milliseconds between predictions while somebody draws
let address, authorization, editor, example, own, busy, again, timer, asked;

/** Take requests for the model at `place`; `key` says what headers show that one may. */
export function takeRequests(place, key) {
  address = place;
  authorization = key;
  editor = $("#editor");
  example = parsed(editor.value);
  // How a request is made without writing JSON: a form, a pad, or null.
  own = $("#pad") ? openPad($("#pad"), example) : form.isThere() ? form : null;
  busy = again = false;
  reset();
  $("#request").addEventListener("submit", event => { event.preventDefault(); ask(); });
  $("#request").addEventListener("drawn", drawn);
  $("#request").addEventListener("input", changed);
  $("#request").addEventListener("change", event => event.target.name === "mode" && turn());
  $("#request").addEventListener("rows", grown);
  $("#again").addEventListener("click", reset);
  $("#add")?.addEventListener("click", another);
  $("#command").addEventListener("toggle", changed);
  $("#copy").addEventListener("click", copy);
  $("#send").disabled = false;
}

function changed() {
  if ($("#command").open) tellCommand(address, body(), "authorization" in authorization());
}

function parsed(text) {
  try { return read(text); } catch { return null; }
}

const inOwn = () => own !== null && $("[name=mode][value=own]").checked;
const body = () => (inOwn() ? write(own.request()) : editor.value);

/** Back to the model's example, in the form or on the pad as far as there is a place for it. */
function reset() {
  editor.value = example ? write(example) : "";
  own?.begin(example);
  clear();
  grown();
}

function another() {
  if (form.isFull()) return;
  const rows = form.tableOf(example) ?? [];
  form.addRow(rows[$("#fields .rows").children.length]).focus();
  grown();
}

/** There are more rows, or fewer. */
function grown() {
  $("#add")?.setAttribute("aria-disabled", form.isFull());
  changed();
}

/** From the form or the pad to JSON and back, with what is written there. */
function turn() {
  const back = inOwn();
  clear();
  if (!back) editor.value = write(own.request());
  const refused = back ? own.fill(parsed(editor.value)) : "";
  if (refused) {
    $("[name=mode][value=json]").checked = true;
    $("[name=mode][value=json]").focus();
    say(refused);
  }
  $("#json").hidden = inOwn();
  $("#fields").hidden = !inOwn();
  // What is not shown is not checked either.
  for (const field of $("#fields").querySelectorAll("input, select, textarea")) {
    field.disabled = !inOwn();
  }
  if ($("#add")) $("#add").hidden = !inOwn();
  changed();
}

/** Something was drawn: its prediction follows. Nothing has none. */
function drawn({ detail: { blank } }) {
  changed();
  if (blank) clear(); else timer ??= setTimeout(follow, PAUSE);
}

function ask() {
  if (busy) return;
  clear();
  predict();
}

/** Unless the answer to it is there already, or is on its way. */
function follow() {
  timer = undefined;
  again = busy;
  if (!busy && body() !== asked) predict();
}

async function predict() {
  const sent = asked = body();
  busy = true;
  $("#send").setAttribute("aria-disabled", "true");
  const headers = { "content-type": "application/json", ...authorization() };
  const began = performance.now();
  try {
    const answer = await fetch(address, { method: "POST", headers, body: sent });
    const text = await answer.text();
    const took = performance.now() - began;
    // The page may have been cleared of what was asked.
    if (asked !== sent) return;
    if (answer.ok) succeed(answer, text, took); else fail(answer, text, took);
  } catch {
    say("The server does not answer.", "bad");
  } finally {
    busy = false;
    $("#send").removeAttribute("aria-disabled");
    if (again) follow();
  }
}

function succeed(answer, text, took) {
  const { line, elements } = shown(text);
  say([`${answer.status} in ${milliseconds(took)}`,
    line && make("span", { class: "unseen" }, ": ", other(line))]);
  $("#answer").replaceChildren(...elements);
}

function fail(answer, text, took) {
  const { code, message } = problem(text);
  say([make("strong", {}, `${answer.status} ${code}`.trim()), ` in ${milliseconds(took)}`], "bad");
  $("#said").append(make("span", { class: "message" }, other(message)));
  const fields = inOwn() ? own.namedIn(message) : [];
  for (const field of fields) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", "said");
  }
  (fields[0] ?? (inOwn() ? null : editor))?.focus();
}

const milliseconds = took => `${took < 100 ? took.toFixed(1) : Math.round(took)} ms`;

export function say(content, kind = "") {
  $("#said").className = kind;
  $("#said").replaceChildren(...[content].flat().filter(Boolean));
}

function clear() {
  clearTimeout(timer);
  timer = asked = undefined;
  again = false;
  say("");
  $("#answer").replaceChildren();
  for (const field of document.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}
