// The last receipt: what was compared with the seal, and what came of it.

import { make, other } from "./answer.js";

const SIGNS = { match: "✓", mismatch: "✗", substitute: "≈", unproven: "–", skipped: "–" };

const AGAIN = 2000; // milliseconds, while what is served is being verified

/** Show it, as soon as there is one. */
export async function showReceipt(address, headers) {
  const place = document.querySelector("#receipt");
  if (document.hidden) {
    document.addEventListener("visibilitychange", () => showReceipt(address, headers), { once: true });
    return;
  }
  try {
    const answer = await fetch(address, { headers: headers(), cache: "no-store" });
    // Another page may have taken the place of this one.
    if (!place.isConnected) return;
    if (answer.status === 202) {
      say(place, "What is served is being verified.");
      setTimeout(showReceipt, AGAIN, address, headers);
    } else if (answer.ok) {
      place.replaceChildren(...told(await answer.json()));
    } else {
      say(place, `There is none: the server answers ${answer.status}.`);
    }
  } catch {
    say(place, "It cannot be had: the server does not answer.");
  }
}

function told(receipt) {
  const verdict = receipt.matches ? "matches" : "does not match";
  const kind = receipt.matches ? "verdict" : "verdict off";
  const rows = (receipt.checks ?? []).map(check => make("tr", { class: check.status },
    make("th", { scope: "row" }, other(check.name)),
    make("td", {}, make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[check.status] ?? "?"),
      " ", other(check.status)),
    make("td", {}, other(check.summary), ...details(check.details ?? []))));
  const heads = ["Compared", "Result", "What came of it"].map(name => make("th", { scope: "col" }, name));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...rows));
  const region = { class: "wide", tabindex: "0", role: "region", "aria-label": "Checks" };
  return [
    make("p", {}, make("strong", { class: kind }, verdict), " ", other(moment(receipt.created))),
    make("div", region, table),
  ];
}

/** ISO 8601 as people read it. */
const moment = text => String(text ?? "").replace("T", " ").replace(/\+00:00$/, " UTC");

function details(lines) {
  if (!lines.length) return [];
  const some = lines.slice(0, 50).map(line => make("li", {}, other(line)));
  return [make("ul", { class: "soft" }, ...some)];
}

function say(place, text) {
  place.replaceChildren(make("p", { class: "soft" }, text));
}
