// The page: sign in, choose a match, see what the model thinks of it.

import * as api from "./api.js";
import { hideAnswer, showAnswer } from "./answer.js";
import { Combobox, tellIn } from "./combobox.js";

const $ = selector => document.querySelector(selector);
tellIn($("#found"));
const first = new Combobox($("#first")), second = new Combobox($("#second"));
let busy = false;

$("#match").elements.date.value = new Date().toISOString().slice(0, 10);
show(false);

submitted("#sign-in", async form => {
  await api.signIn(form.elements.username.value, form.elements.password.value);
  form.reset();
  $("#name").textContent = (await api.me()).username;
  show(true);
});

submitted("#match", async form => {
  hideAnswer();
  const { surface, date, level, best_of: sets } = form.elements;
  const match = {
    first: String(first.value), second: String(second.value), surface: surface.value, date: date.value,
    level: level.value, best_of: Number(sets.value),
  };
  for (const [field, what] of [["first", "the first player"], ["second", "the second player"], ["date", "a date"]]) {
    if (!match[field]) throw new api.Refused(422, `Choose ${what}.`, { field });
  }
  const answer = await api.predict(match);
  const curves = await Promise.all([answer.first, answer.second].map(player => api.curve(player.id, match.date)));
  showAnswer(answer, curves);
});

$("#out").addEventListener("click", () => { api.signOut(); show(false); });

$("#swap").addEventListener("click", () => {
  const [one, other] = [first, second].map(box => [box.input.value, box.chosen]);
  first.write(...other);
  second.write(...one);
});

/** One of the two forms; what is not for this one is not left behind for the next. */
function show(inside) {
  $("#sign-in").hidden = inside;
  $("#match").hidden = $("#who").hidden = !inside;
  hideAnswer();
  say("#sign-in", "");
  say("#match", "");
  (inside ? first.input : $("#sign-in").elements.username).focus();
}

/** Do `what` when a form is sent, once at a time, and say what is wrong. */
function submitted(selector, what) {
  const form = $(selector), button = form.querySelector("button.first");
  form.addEventListener("submit", async event => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    button.setAttribute("aria-disabled", "true");
    say(selector, "");
    for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    try {
      await what(form);
    } catch (error) {
      if (!(error instanceof api.Refused)) throw error;
      refused(selector, error);
    } finally {
      busy = false;
      button.removeAttribute("aria-disabled");
    }
  });
}

function refused(selector, error) {
  // The token is over, or its user is not welcome any more.
  if (error.status === 401 && selector !== "#sign-in") {
    api.signOut();
    show(false);
    return say("#sign-in", "Sign in again: half an hour is over.");
  }
  const box = { first, second }[error.field];
  const field = box?.input ?? $(selector).elements[error.field];
  field?.setAttribute("aria-invalid", "true");
  field?.focus();
  const near = error.near.flatMap(name => [" ", suggestion(name, box)]);
  say(selector, error.message, near.length ? " Perhaps:" : "", ...near);
}

function say(selector, ...what) {
  $(`${selector} .said`).replaceChildren(...what);
}

/** A name that was perhaps meant, to be taken with a click. */
function suggestion(name, box) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.addEventListener("click", () => {
    box.write(name);
    say("#match", "");
    box.input.focus();
  });
  return button;
}
