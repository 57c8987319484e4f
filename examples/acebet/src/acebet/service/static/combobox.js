// A field with suggestions, in the pattern of the ARIA guide: an editable combobox with a list.

import { players, Refused } from "./api.js";

const WAIT = 150; // milliseconds after a key before the server is asked
let told;

/** Where the number of suggestions is said to those who do not see them. */
export const tellIn = element => { told = element; };

export class Combobox {
  constructor(root) {
    this.input = root.querySelector("input");
    this.list = root.querySelector("ul");
    this.chosen = null; // {id, name, …}
    this.found = [];
    this.at = -1;
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("keydown", event => this.pressed(event));
    this.input.addEventListener("blur", () => this.close());
    // Before the field loses focus, which would close the list.
    this.list.addEventListener("pointerdown", event => event.preventDefault());
    this.list.addEventListener("click", event => {
      const item = event.target.closest("[role=option]");
      if (item) this.choose(this.found[[...this.list.children].indexOf(item)]);
    });
  }

  /** The player who was chosen, or whose name is written there. */
  get value() { return this.chosen?.id ?? this.input.value.trim(); }

  choose(player) { this.write(player.name, player); }

  write(name, player = null) {
    this.chosen = player;
    this.input.value = name;
    this.input.removeAttribute("aria-invalid");
    this.close();
  }

  typed() {
    this.chosen = null;
    this.stop();
    this.timer = setTimeout(() => this.search(), WAIT);
  }

  stop() {
    clearTimeout(this.timer);
    this.asked?.abort();
  }

  /** Ask for suggestions; `step` from none is the one to mark. */
  async search(step = 0) {
    this.stop();
    const q = this.input.value.trim();
    if (!q) return this.close();
    this.asked = new AbortController();
    try {
      this.show(await players(q, this.asked.signal));
      if (step && this.found.length) this.mark(this.at + step);
    } catch (error) {
      if (error instanceof Refused) this.close(error.message);
      else if (error.name !== "AbortError") throw error;
    }
  }

  show(found) {
    const marked = this.found[this.at]?.id;
    this.found = found;
    this.list.replaceChildren(...found.map((player, place) => option(player, `${this.list.id}-${place}`)));
    this.list.hidden = found.length === 0;
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.input.removeAttribute("aria-activedescendant");
    const many = found.length === 1 ? "1 player" : `${found.length} players`;
    told.textContent = found.length ? `${many}, arrow keys to choose` : "No such player";
    // Who was marked while the server was asked, stays marked.
    this.at = found.findIndex(player => player.id === marked);
    if (this.at >= 0) this.mark(this.at);
  }

  close(message = "") {
    this.stop();
    this.list.hidden = true;
    this.found = [];
    this.at = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    told.textContent = message;
  }

  pressed(event) {
    const open = !this.list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (open) this.mark(this.at + step); else this.search(step);
    } else if (event.key === "Enter" && open && this.at >= 0) {
      event.preventDefault();
      this.choose(this.found[this.at]);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      this.close();
    } else if (event.key === "Tab" && open && this.at >= 0) {
      this.choose(this.found[this.at]);
    }
  }

  mark(place) {
    const items = [...this.list.children];
    this.at = place < 0 ? items.length - 1 : place % items.length;
    items.forEach((item, index) => item.setAttribute("aria-selected", String(index === this.at)));
    this.input.setAttribute("aria-activedescendant", items[this.at].id);
    items[this.at].scrollIntoView({ block: "nearest" });
  }
}

function option(player, id) {
  const item = document.createElement("li");
  item.id = id;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  const years = `${player.first_match.slice(0, 4)}–${player.last_match.slice(0, 4)}`;
  const about = document.createElement("small");
  about.textContent = [player.country, years, player.rank && `no. ${player.rank}`].filter(Boolean).join(" · ");
  item.append(player.name, " ", about);
  return item;
}
