// The form: fields made from the signature, filled from a request, and made into one.

import { Exact, isPlain, number, read, write } from "./exact.js";

const MOST_ROWS = 8;
// What an <input type="datetime-local"> can hold.
const LOCAL_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/;

const $ = selector => document.querySelector(`#fields ${selector}`);
const fieldsIn = place => [...place.querySelectorAll("[data-name]")];
const nameOf = field => JSON.parse(field.dataset.name);
const rows = () => [...$(".rows").children];

export const isThere = () => $("template") !== null;
export const isFull = () => rows().length >= MOST_ROWS;

/** Show the first row of `example`, as far as it has one. */
export function begin(example) {
  const rows = tableOf(example)?.slice(0, 1) ?? [new Map()];
  const { params } = example ?? {};
  const first = { dataframe_records: rows.map(row => Object.fromEntries(row)), params };
  if (fill(first)) addRow(new Map());
}

/** Show `request` in the form; says why where it cannot. */
export function fill(request) {
  const table = tableOf(request);
  if (!table) return "This JSON is no table of the model's columns, so it stays JSON.";
  if (!table.length) return "A form has at least one row; this JSON has none.";
  if (table.length > MOST_ROWS) {
    return `The form has ${MOST_ROWS} rows at most; this JSON has ${table.length}.`;
  }
  const known = new Set(fieldsIn($("template").content).map(nameOf));
  const other = table.flatMap(row => [...row.keys()]).find(name => !known.has(name));
  if (other !== undefined) return `The form has no field for the column ${JSON.stringify(other)}.`;
  $(".rows").replaceChildren();
  for (const row of table) addRow(row);
  const params = new Map(Object.entries(request.params ?? {}));
  for (const field of fieldsIn($(".params") ?? document.createElement("i"))) {
    put(field, params.get(nameOf(field)) ?? null);
  }
  return "";
}

/** The rows of a request as maps from column to value; null where it is none of a table. */
export function tableOf(request) {
  const { dataframe_split: split, dataframe_records: records } = request ?? {};
  if (Array.isArray(records)) return records.map(row => new Map(Object.entries(row)));
  if (!Array.isArray(split?.columns) || !Array.isArray(split.data)) return null;
  return split.data.map(row => new Map(split.columns.map((name, at) => [name, row[at] ?? null])));
}

/** Add a row with these values, or with those of the last one. */
export function addRow(values) {
  const last = rows().at(-1);
  const row = $("template").content.firstElementChild.cloneNode(true);
  const fields = fieldsIn(row);
  if (values) {
    for (const field of fields) put(field, values.get(nameOf(field)) ?? null);
  } else if (last) {
    fieldsIn(last).forEach((field, at) => put(fields[at], valueOf(field)));
  }
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "remove";
  remove.textContent = "Remove";
  remove.addEventListener("click", () => {
    const neighbour = row.previousElementSibling ?? row.nextElementSibling;
    row.remove();
    renumber();
    neighbour?.dispatchEvent(new Event("rows", { bubbles: true }));
    neighbour?.querySelector("input, select, textarea").focus();
  });
  row.append(remove);
  $(".rows").append(row);
  renumber();
  return fieldsIn(row)[0];
}

function renumber() {
  rows().forEach((row, at, all) => {
    row.querySelector("legend").textContent = `Row ${at + 1}`;
    const remove = row.querySelector(".remove");
    remove.hidden = all.length === 1;
    remove.setAttribute("aria-label", `Remove row ${at + 1}`);
    row.classList.toggle("only", all.length === 1);
  });
}

/** The request that the form says. */
export function request() {
  const columns = fieldsIn($("template").content).map(nameOf);
  const data = rows().map(row => fieldsIn(row).map(valueOf));
  const said = { dataframe_split: { columns, data } };
  const params = $(".params") ? fieldsIn($(".params")) : [];
  const given = params.map(field => [nameOf(field), valueOf(field)]);
  const chosen = given.filter(([, value]) => value !== null);
  return chosen.length ? { ...said, params: Object.fromEntries(chosen) } : said;
}

/** The fields that a message names: those of the longest name in it, in the row it speaks of. */
export function namedIn(message) {
  const names = [...new Set(fieldsIn($("")).map(nameOf))];
  const found = names.filter(name => name && standsIn(message, name));
  const longest = found.sort((one, other) => other.length - one.length)[0];
  return fieldsIn($("")).filter(field => nameOf(field) === longest);
}

function standsIn(message, name) {
  const letter = /[\p{L}\p{N}_]/u;
  for (let at = message.indexOf(name); at >= 0; at = message.indexOf(name, at + 1)) {
    const before = message[at - 1] ?? " ", after = message[at + name.length] ?? " ";
    if (!letter.test(before) && !letter.test(after)) return true;
  }
  return false;
}

function valueOf(field) {
  const { kind, optional } = field.dataset;
  const text = field.value;
  if (field.type === "checkbox") return field.checked;
  if (kind === "boolean") return text === "" ? null : text === "true";
  if (kind === "json") return parsed(text);
  if (text === "" && (kind !== "string" || optional !== undefined)) return null;
  if (kind === "datetime") return LOCAL_TIME.test(text) ? inFull(text) : text;
  return ["string", "binary"].includes(kind) ? text : number(text) ?? text;
}

// A browser leaves zeros out, and pandas takes all times of a column to be written as its first.
function inFull(time) {
  const [day, clock] = time.split("T");
  const [hour, minute, second = "0"] = clock.split(":");
  return `${day}T${hour}:${minute}:${Number(second).toFixed(3).padStart(6, "0")}`;
}

function parsed(text) {
  try { return text.trim() ? read(text) : null; } catch { return text; }
}

function put(field, value) {
  const { kind } = field.dataset;
  if (field.type === "checkbox") { field.checked = value === true; return; }
  if (kind === "json") { field.value = value === null ? "" : write(value); return; }
  let text = value === null ? "" : value instanceof Exact ? value.source : String(value);
  if (!isPlain(value)) text = write(value);
  if (kind === "datetime") text = text.replace(/^(\d{4}-\d\d-\d\d)[ T](.*)$/, "$1T$2");
  field.value = text;
  // No field drops what it cannot hold.
  if (kind === "datetime" ? text && !LOCAL_TIME.test(text) : field.value !== text) {
    inPlainText(field, text);
  }
}

function inPlainText(field, text) {
  const plain = document.createElement(/[\r\n]/.test(text) ? "textarea" : "input");
  Object.assign(plain.dataset, field.dataset);
  plain.value = text;
  field.replaceWith(plain);
}
