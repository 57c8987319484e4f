// The page of a model: what its buttons do.

import { make, other, problem, shown } from "./answer.js";
import { read, write } from "./exact.js";
import { addRow, fill, hasForm, isFull, namedIn, request, tableOf } from "./form.js";
import { watchLive } from "./live.js";
import { showReceipt } from "./receipt.js";

const $ = selector => document.querySelector(selector);
const { root, model, seal } = document.body.dataset;
const address = new URL(`${root}models/${encodeURIComponent(model)}/`, document.baseURI);
const invocations = new URL("invocations", address);
const editor = $("#editor");
const example = parsed(editor?.value ?? "");
let busy = false, moved = false;

if (editor) start();
watchLive({
  address: new URL(`${root}live`, document.baseURI),
  model,
  headers: authorization,
  onSeal: noticeChange,
});

function start() {
  document.addEventListener("rows", () => {
    $("#add").setAttribute("aria-disabled", isFull());
    tellCommand();
  });
  reset();
  $("#request").addEventListener("submit", event => { event.preventDefault(); predict(); });
  $("#request").addEventListener("input", tellCommand);
  $("#request").addEventListener("change", event => event.target.name === "mode" && turn());
  $("#again").addEventListener("click", reset);
  $("#add")?.addEventListener("click", another);
  $("#command").addEventListener("toggle", tellCommand);
  $("#copy").addEventListener("click", copy);
  $("#key").addEventListener("change", prove);
  prove();
}

function prove() {
  showReceipt(new URL("receipt", address), authorization());
}

function parsed(text) {
  try { return read(text); } catch { return null; }
}

const inForm = () => hasForm() && $("[name=mode][value=form]").checked;
const body = () => (inForm() ? write(request()) : editor.value);

function authorization() {
  const key = $("#key")?.value;
  return key ? { authorization: `Bearer ${key}` } : {};
}

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
  tellCommand();
}

function another() {
  if (isFull()) return;
  const rows = tableOf(example) ?? [];
  addRow(rows[$("#fields .rows").children.length]).focus();
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
  tellCommand();
}

async function predict() {
  if (busy) return;
  busy = true;
  clear();
  $("#send").setAttribute("aria-disabled", "true");
  const headers = { "content-type": "application/json", ...authorization() };
  const began = performance.now();
  try {
    const answer = await fetch(invocations, { method: "POST", headers, body: body() });
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
  if (answer.status === 401) $("#keys").hidden = false;
  say([make("strong", {}, `${answer.status} ${code}`.trim()), ` in ${milliseconds(took)}`], "bad");
  $("#said").append(make("span", { class: "message" }, other(message)));
  const fields = answer.status === 401 ? [$("#key")] : inForm() ? namedIn(message) : [];
  for (const field of fields) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", "said");
  }
  (fields[0] ?? (inForm() ? null : editor))?.focus();
}

const milliseconds = took => `${took < 100 ? took.toFixed(1) : Math.round(took)} ms`;

function say(content, kind = "") {
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

const quoted = text => `'${text.replaceAll("'", `'\\''`)}'`;

function tellCommand() {
  if (!$("#command").open) return;
  const lines = [`curl ${quoted(invocations.href)}`, "-H 'content-type: application/json'"];
  if (!$("#keys").hidden) lines.push('-H "authorization: Bearer $API_KEY"');
  lines.push(`--data-raw ${quoted(body())}`);
  $("#command pre").textContent = lines.join(" \\\n  ");
}

async function copy() {
  const place = $("#command pre");
  try {
    await navigator.clipboard.writeText(place.textContent);
    $("#copied").textContent = "Copied.";
  } catch {
    // Where a page may not write to the clipboard, a person may.
    getSelection().selectAllChildren(place);
    $("#copied").textContent = "Selected: copy it with the keyboard.";
  }
}

/** Another version answers under this name: what the page says of it is old. */
function noticeChange(sample) {
  if (!seal && sample.ready) location.reload();
  if (!seal || !sample.seal || sample.seal === seal || moved) return;
  moved = true;
  const again = make("a", { href: "" }, "Show it");
  $("h1").after(make("p", { role: "status", class: "moved" },
    "Another version answers now. ", again, "."));
}
