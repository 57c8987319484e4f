// Live figures: asked for each second while somebody looks, as numbers, lines and a table.

import { make } from "./answer.js";
import { between, errors, written } from "./figures.js";

const EVERY = 1000;          // milliseconds
const KEPT = 180, FEWEST = 60; // samples that a line shows: three minutes, and at first one
const OVER = 5;              // samples that a figure is made over
const TABLE_EVERY = 10, TABLE_ROWS = 18;
const HEIGHT = 32;
const SVG = "http://www.w3.org/2000/svg";

const $ = selector => document.querySelector(selector);
const still = matchMedia("(prefers-reduced-motion: reduce)");
let boxes, samples, points, timer = 0, count, ask;

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { clearTimeout(timer); timer = 0; samples = []; }
  else if (!timer) ask();
});

/** Show the figures of `model` from now on, and of no other. */
export function watchLive({ address, model, authorization, onSeal }) {
  clearTimeout(timer);
  boxes = [...document.querySelectorAll("[data-figure]")];
  samples = [];
  points = [];
  count = 0;
  $("#history")?.addEventListener("toggle", drawTable);
  const own = ask = () => look(own, { address, model, authorization, onSeal });
  ask();
}

async function look(own, { address, model, authorization, onSeal }) {
  timer = 0;
  if (document.hidden) return;
  try {
    const answer = await fetch(address, { headers: authorization(), cache: "no-store" });
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const { time, models } = await answer.json();
    if (ask !== own) return;
    const sample = { ...models[model], time };
    onSeal(sample);
    take(sample);
  } catch (error) {
    if (ask !== own) return;
    const why = error instanceof TypeError ? "the server does not answer" : error.message;
    say(`No figures: ${why}. Asking again.`);
    samples = [];
  }
  clearTimeout(timer);
  timer = setTimeout(ask, EVERY);
}

function take(sample) {
  if (!boxes.length || !sample.latency) return;
  if (samples.length && !between(samples.at(-1), sample)) samples = [];
  samples.push(sample);
  if (samples.length > OVER + 1) samples.shift();
  const figures = samples.length > 1 ? between(samples[0], sample) : null;
  points.push({ at: new Date(), ...figures });
  if (points.length > KEPT) points.shift();
  say("Over the last five seconds; the lines go back three minutes at most.");
  draw(figures ?? { queue: sample.waiting }, sample);
}

function draw(figures, sample) {
  count += 1;
  for (const box of boxes) {
    const name = box.dataset.figure;
    const peak = Math.max(...points.map(point => point[name] ?? 0));
    box.querySelector(".now").textContent = written(name, figures[name]);
    box.querySelector(".most").textContent = peak ? `at most ${written(name, peak)}` : "";
    if (!still.matches || count % TABLE_EVERY === 1) {
      box.querySelector(".spark").replaceChildren(line(points.map(point => point[name]), peak));
    }
  }
  const bad = errors(sample);
  $("#counts").textContent = [
    `${sample.alive} ${sample.alive === 1 ? "worker" : "workers"}`,
    `${sample.restarts} ${sample.restarts === 1 ? "restart" : "restarts"}`,
    `${sample.in_flight} in work`,
    `${bad} ${bad === 1 ? "error" : "errors"} since the start`,
  ].join(" · ");
  if (count % TABLE_EVERY === 0) drawTable();
}

function line(values, peak) {
  const picture = document.createElementNS(SVG, "svg");
  const width = Math.max(values.length, FEWEST);
  picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  picture.setAttribute("preserveAspectRatio", "none");
  const height = value => (HEIGHT - 2 - (HEIGHT - 4) * value / (peak || 1)).toFixed(1);
  const first = width - values.length;
  let path = "", pen = false;
  for (const [at, value] of values.entries()) {
    const known = value !== null && value !== undefined;
    if (known) path += `${pen ? "L" : "M"}${first + at} ${height(value)}h.01`;
    pen = known;
  }
  const drawn = document.createElementNS(SVG, "path");
  drawn.setAttribute("d", path);
  picture.append(drawn);
  return picture;
}

function drawTable() {
  const place = $("#history");
  if (!place?.open) return;
  const names = boxes.map(box => box.dataset.figure);
  const heads = ["Time", ...boxes.map(box => box.querySelector("dt").textContent)];
  const some = points.filter((_, at) => (points.length - 1 - at) % TABLE_EVERY === 0);
  const rows = some.slice(-TABLE_ROWS).reverse().map(point => make("tr", {},
    make("th", { scope: "row" }, point.at.toLocaleTimeString()),
    ...names.map(name => make("td", { class: "num" }, written(name, point[name])))));
  place.querySelector(".wide").replaceChildren(make("table", {},
    make("thead", {}, make("tr", {}, ...heads.map((name, at) =>
      make("th", at ? { scope: "col", class: "num" } : { scope: "col" }, name)))),
    make("tbody", {}, ...rows)));
}

function say(text) {
  const place = $("#state");
  if (place && place.textContent !== text) place.textContent = text;
}
