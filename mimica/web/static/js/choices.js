// What may be said of a drawn attribute: a selector for its shape, its colour, and so on.

import { el, select } from "./ui.js";

export class Choices {
  constructor(state, control) {
    this.state = state;
    this.control = control;
    this.boxes = control.choices.map(([what, words]) => {
      const label = `${control.label}, ${what}`;
      return select(words.map((word) => [word, word]), words[0], { "aria-label": label, "data-choice": `${control.name} ${what}`, onchange: () => this.chosen() });
    });
    this.box = el("div.choices", {}, ...this.boxes);
  }

  /** The attribute's name with what is chosen, where that is not the usual. */
  get key() {
    const said = this.boxes.map((box) => box.value).filter((word, at) => word !== this.control.choices[at][1][0]);
    return said.length ? `${this.control.name}:${said.join(",")}` : this.control.name;
  }

  /** Puts it on in another strength. */
  move(value, done) {
    this.state.move({ [this.state.keyOf(this.control.name)]: 0, [this.key]: value }, done);
  }

  /** Another choice: what is not worn yet is put on. */
  chosen() {
    this.move(this.state.change(this.control.name) || Math.min(1, this.control.high), true);
  }

  /** Shows what the face wears; what it does not wear keeps its choice. */
  refresh() {
    const [name, said] = this.state.keyOf(this.control.name).split(":");
    if (!this.state.change(name)) return;
    const words = said ? said.split(",") : [];
    this.boxes.forEach((box, at) => {
      const legal = this.control.choices[at][1];
      box.value = words.find((word) => legal.includes(word)) ?? legal[0];
    });
  }
}
