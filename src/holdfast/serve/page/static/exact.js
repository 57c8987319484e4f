// JSON with its numbers as they were written: 9007199254740993 stays that, and 1.0 is not 1.

export class Exact {
  constructor(source) { this.source = source; }
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** The number that `text` writes, or null where JSON has no such number. */
export function number(text) {
  if (NUMBER.test(text)) return new Exact(text);
  return text.trim() && Number.isFinite(Number(text)) ? new Exact(String(Number(text))) : null;
}

export function read(text) {
  return JSON.parse(text, (key, value, context) =>
    typeof value === "number" ? new Exact(context?.source ?? String(value)) : value);
}

/** JSON for people: a line for each list that holds no other, and as wide as it likes. */
export function write(value, indent = "") {
  if (value instanceof Exact) return value.source;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const parts = Array.isArray(value)
    ? value.map(one => [one, ""])
    : Object.entries(value).map(([name, one]) => [one, `${JSON.stringify(name)}: `]);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const deeper = `${indent}  `;
  const written = parts.map(([one, name]) => name + write(one, deeper));
  if (parts.every(([one]) => isPlain(one))) return open + written.join(", ") + close;
  return `${open}\n${deeper}${written.join(`,\n${deeper}`)}\n${indent}${close}`;
}

export const isPlain = value =>
  value === null || typeof value !== "object" || value instanceof Exact;
