// The answer: bars or a table where it is one, with the JSON it came as. Text only, never markup.

import { Exact, isPlain, read, write } from "./exact.js";

const MOST_ROWS = 100, MOST_COLUMNS = 40;
const DIGITS = 4; // of a number beside its bar

export function make(name, attributes = {}, ...content) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...content);
  return element;
}

/** What a model or a server says, kept apart from our own words. */
export const other = text => make("bdi", {}, String(text));

/** One line about an answer, and the answer as elements. */
export function shown(body) {
  let value, pretty;
  try {
    value = read(body);
    pretty = raw(write(value));
  } catch {
    // No JSON, or nested more deeply than a browser follows.
    return { line: "", elements: [raw(body)] };
  }
  const table = tableOf(value?.predictions ?? value);
  if (!table) return { line: "", elements: [pretty] };
  const single = table.rows.length === 1 && table.rows[0].length === 1;
  if (single) {
    const text = cell(table.rows[0][0]);
    return { line: text, elements: [make("p", { class: "result" }, other(text)), folded(pretty)] };
  }
  if (table.rows.length === 1 && table.numbered && table.rows[0].every(one => one instanceof Exact)) {
    const { line, bars } = ranked(table.rows[0]);
    return { line, elements: [bars, folded(pretty)] };
  }
  const count = table.of === 1 ? "1 row" : `${table.of} rows`;
  return { line: count, elements: [drawn(table), folded(pretty)] };
}

/** What went wrong, by the server's own words. */
export function problem(body) {
  try {
    const { error_code: code = "", message, error, detail } = JSON.parse(body);
    return { code: String(code), message: String(message ?? error ?? detail ?? body) };
  } catch {
    return { code: "", message: body || "There was no more to it." };
  }
}

function tableOf(value) {
  const list = Array.isArray(value) ? value : isPlain(value) ? [value] : null;
  if (!list) return null;
  const some = list.slice(0, MOST_ROWS);
  if (list.every(isPlain)) {
    return { heads: ["Prediction"], rows: some.map(one => [one]), of: list.length };
  }
  if (list.every(one => Array.isArray(one) && one.every(isPlain))) {
    const width = Math.min(Math.max(...some.map(one => one.length)), MOST_COLUMNS);
    const heads = Array.from({ length: width }, (_, at) => String(at));
    const rows = some.map(one => heads.map((_, at) => one[at]));
    return { heads, rows, of: list.length, numbered: width < MOST_COLUMNS };
  }
  if (list.every(one => !isPlain(one) && !Array.isArray(one))) {
    const heads = [...new Set(some.flatMap(one => Object.keys(one)))].slice(0, MOST_COLUMNS);
    return { heads, rows: some.map(one => heads.map(name => one[name])), of: list.length };
  }
  return null;
}

function drawn({ heads, rows, of }) {
  const head = make("tr", {}, make("th", { scope: "col" }, "Row"),
    ...heads.map((name, at) => make("th", { scope: "col", class: kindOf(rows[0]?.[at]) }, other(name))));
  const lines = rows.map((row, at) => make("tr", {}, make("th", { scope: "row" }, String(at + 1)),
    ...row.map(one => make("td", { class: kindOf(one) }, other(cell(one))))));
  const table = make("table", { class: "data" }, make("thead", {}, head),
    make("tbody", {}, ...lines));
  if (of > rows.length) table.prepend(make("caption", {}, `The first ${rows.length} of ${of} rows.`));
  const place = { class: "wide", tabindex: "0", role: "region", "aria-label": "Predictions" };
  return make("div", place, table);
}

/** One row of numbers: a bar for each, the highest marked. */
function ranked(row) {
  const values = row.map(one => Number(one.source));
  const highest = values.indexOf(Math.max(...values));
  const low = Math.min(...values, 0);
  // Shares of a whole are as long as their share.
  const high = low < 0 || values[highest] > 1 ? values[highest] : 1;
  const short = value => String(Number(value.toPrecision(DIGITS)));
  const lines = values.map((value, at) => {
    const bar = make("span");
    bar.style.width = `${100 * (value - low) / (high - low || 1)}%`;
    return make("tr", at === highest ? { class: "highest" } : {},
      make("th", { scope: "row" }, String(at)),
      make("td", { class: "bar", "aria-hidden": "true" }, bar),
      make("td", { class: "num" }, short(value), at === highest ? mark() : ""));
  });
  const place = { class: "wide", tabindex: "0", role: "region", "aria-label": "Predictions" };
  const bars = make("div", place, make("table", { class: "bars" }, make("tbody", {}, ...lines)));
  return { line: `${highest} is highest, with ${short(values[highest])}`, bars };
}

const mark = () => make("span", { class: "unseen" }, ", the highest");

const kindOf = value => (value instanceof Exact ? "num" : "");

function cell(value) {
  if (value === undefined) return "";
  return typeof value === "string" ? value : write(value);
}

function raw(text) {
  const place = { tabindex: "0", role: "region", "aria-label": "Answer, as JSON", class: "raw" };
  return make("pre", place, text);
}

const folded = content => make("details", {}, make("summary", {}, "The answer as JSON"), content);
