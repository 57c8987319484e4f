// Asking for predictions: with the form or with JSON, and what is said of the answer.

import { make, other, problem, shown } from "./answer.js";
import { copy, tellCommand } from "./command.js";
import { read, write } from "./exact.js";
import { addRow, fill, hasForm, isFull, namedIn, request, tableOf } from "./form.js";

const $ = selector => document.querySelector(selector);
let address, authorization, editor, example, busy;

/** Take requests for the model at `place`; `key` says what headers show that one may. */
export function takeRequests(place, key) {
  address = place;
  authorization = key;
  editor = $("#editor");
  example = parsed(editor.value);
  busy = false;
  reset();
  $("#request").addEventListener("submit", event => { event.preventDefault(); predict(); });
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

const inForm = () => hasForm() && $("[name=mode][value=form]").checked;
const body = () => (inForm() ? write(request()) : editor.value);

/** Back to the model's example, in the form as far as it has a place for it. */
function reset() {
  editor.value = example ? write(example) : "";
  if (hasForm()) {
    const rows = tableOf(example)?.slice(0, 1) ?? [new Map()];
    const { params } = example ?? {};
    const first = { dataframe_records: rows.map(row => Object.fromEntries(row)), params };
    if (fill(first)) addRow(new Map());
  }
  clear();
  grown();
}

function another() {
  if (isFull()) return;
  const rows = tableOf(example) ?? [];
  addRow(rows[$("#fields .rows").children.length]).focus();
  grown();
}

/** There are more rows, or fewer. */
function grown() {
  $("#add")?.setAttribute("aria-disabled", isFull());
  changed();
}

/** From the form to JSON and back, with what is written there. */
function turn() {
  const toForm = inForm();
  clear();
  if (!toForm) editor.value = write(request());
  const refused = toForm ? fill(parsed(editor.value)) : "";
  if (refused) {
    $("[name=mode][value=json]").checked = true;
    $("[name=mode][value=json]").focus();
    say(refused);
  }
  $("#json").hidden = inForm();
  $("#fields").hidden = !inForm();
  // What is not shown is not checked either.
  for (const field of $("#fields").querySelectorAll("input, select, textarea")) {
    field.disabled = !inForm();
  }
  $("#add").hidden = !inForm();
  changed();
}

async function predict() {
  if (busy) return;
  busy = true;
  clear();
  $("#send").setAttribute("aria-disabled", "true");
  const headers = { "content-type": "application/json", ...authorization() };
  const began = performance.now();
  try {
    const answer = await fetch(address, { method: "POST", headers, body: body() });
    const text = await answer.text();
    const took = performance.now() - began;
    if (answer.ok) succeed(answer, text, took); else fail(answer, text, took);
  } catch {
    say("The server does not answer.", "bad");
  } finally {
    busy = false;
    $("#send").removeAttribute("aria-disabled");
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
  const fields = inForm() ? namedIn(message) : [];
  for (const field of fields) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", "said");
  }
  (fields[0] ?? (inForm() ? null : editor))?.focus();
}

const milliseconds = took => `${took < 100 ? took.toFixed(1) : Math.round(took)} ms`;

export function say(content, kind = "") {
  $("#said").className = kind;
  $("#said").replaceChildren(...[content].flat().filter(Boolean));
}

function clear() {
  say("");
  $("#answer").replaceChildren();
  for (const field of document.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}
