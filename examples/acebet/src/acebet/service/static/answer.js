// What the model answered: a sentence, the reasons as bars, both curves.

import { chart } from "./chart.js";

const $ = selector => document.querySelector(selector);
const ONES = ["overall", "surface"];
let shown;

export function showAnswer(answer, curves) {
  shown = { answer, curves };
  const { first, second, probability } = answer;
  const chances = [probability, 1 - probability];
  const names = [first.name, second.name];
  const better = probability >= 0.5 ? 0 : 1;
  $("#verdict").textContent = chances[0] === 0.5
    ? `${names[0]} and ${names[1]}: 50.0\u00a0% each`
    : `${names[better]} wins with a chance of ${percent(chances[better])}`;
  [...$(".chances").children].forEach((bar, which) => {
    bar.style.flexGrow = chances[which];
  });
  $("#told").textContent = [
    `${names[0]} ${percent(chances[0])}, ${names[1]} ${percent(chances[1])}`,
    `${answer.surface}, ${answer.date}`,
    answer.version && `model version ${answer.version}`,
  ].filter(Boolean).join(" · ");
  $("#reasons tbody").replaceChildren(...reasons(answer.reasons, names));
  showCurves();
  $("#answer").hidden = false;
  $("#verdict").focus();
}

export const hideAnswer = () => { $("#answer").hidden = true; };

const percent = chance => `${(chance * 100).toFixed(1)}\u00a0%`;

function reasons(found, names) {
  const most = Math.max(...found.map(one => Math.abs(one.log_odds)), 0.1);
  return found.map(({ reason, log_odds: odds }) => {
    const which = odds >= 0 ? 0 : 1;
    const bar = make("span", `fill side-${which}`);
    bar.style.width = `${(Math.abs(odds) / most) * 50}%`;
    const cell = make("td", "bar");
    cell.append(bar, make("span", "unseen", odds ? `for ${names[which]}` : "for neither"));
    const row = document.createElement("tr");
    const head = make("th", "", reason.replaceAll("_", " "));
    head.scope = "row";
    row.append(head, cell, make("td", "number", signed(odds)));
    return row;
  });
}

function signed(odds) {
  const written = Math.abs(odds).toFixed(2);
  return Number(written) ? `${odds < 0 ? "−" : "+"}${written}` : written;
}

function showCurves() {
  const { answer, curves } = shown;
  const chosen = $("#curves [name=curve]:checked")?.value ?? ONES[0];
  const names = [answer.first.name, answer.second.name];
  const drawn = curves.map((curve, which) => ({
    name: names[which],
    points: curve.map(point => [point.date, chosen === "overall" ? point.overall : point.surfaces[answer.surface]]),
  }));
  const caption = make("figcaption", "legend");
  caption.append(...names.map((name, which) => make("span", `key side-${which}`, name)));
  $("#curves").replaceChildren(choice(chosen, answer.surface), chart(drawn, answer.date), caption);
}

function choice(chosen, surface) {
  const group = make("fieldset", "choice");
  group.append(make("legend", "unseen", "Which Elo"), ...ONES.map(one => {
    const label = make("label", "");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "curve", value: one, checked: one === chosen });
    input.addEventListener("change", () => {
      showCurves();
      $(`#curves [value=${one}]`).focus();
    });
    label.append(input, one === "overall" ? " on all surfaces" : ` on ${surface.toLowerCase()}`);
    return label;
  }));
  return group;
}

function make(tag, name, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}
