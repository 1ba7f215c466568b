// Sliders by groups: 0 is the photo, left and right together or apart, double click resets, numbers can be typed.

import { Choices } from "./choices.js";
import { el, toggle } from "./ui.js";

const NAMES = { "": "", L: "left", R: "right" };

export class Sliders {
  constructor(state, root) {
    this.state = state;
    this.root = root;
    this.linked = true;
    this.rows = [];
    this.open = new Set(["brows", "eyes", "mouth", "attributes"]);
    state.addEventListener("engine", () => this.build());
    state.addEventListener("faces", () => this.build());
    state.addEventListener("changes", () => this.refresh());
  }

  /** Rows from the engine's controls: one for each base, of one or two sides. */
  build() {
    this.rows = [];
    const bases = new Map();
    for (const control of this.state.controls) {
      if (!bases.has(control.base)) bases.set(control.base, []);
      bases.get(control.base).push(control);
    }
    const groups = [...this.state.session.groups, "attributes"];
    const apart = this.state.controls.some((control) => control.side);
    const link = toggle("Left and right together", this.linked, (on) => { this.linked = on; this.build(); }, "linked");
    const parts = groups.map((group) => this.group(group, [...bases.values()].filter((sides) => sides[0].group === group)));
    link.hidden = !apart;
    this.root.replaceChildren(el("div.section-tools", {}, link), el("div.groups", {}, ...parts.filter(Boolean)));
    this.refresh();
  }

  group(name, bases) {
    if (!bases.length) return null;
    const body = el("div.group-body", {}, ...bases.map((sides) => this.row(sides)));
    const dot = el("span.dot", { hidden: true });
    const details = el("details.group", { open: this.open.has(name), ontoggle: (event) => this.open[event.target.open ? "add" : "delete"](name) },
      el("summary", {}, name, dot), body);
    this.rows.push({ dot, names: bases.flat().map((control) => control.name) });
    return details;
  }

  row(sides) {
    const [first] = sides;
    const tag = first.base.startsWith("AU") ? `AU ${Number(first.base.slice(2))}` : first.unit;
    const title = el("span.name", {}, el("b", {}, first.label), el("span.tag", {}, tag));
    if (sides.length === 1 || this.linked) {
      const words = sides.length > 1 ? `${first.label}, both sides` : first.label;
      const { slide, number, row } = this.inputs(sides, words);
      row.choices = first.choices.length ? new Choices(this.state, first) : null;
      row.box = el("div.control", {}, title, number, slide, row.choices?.box ?? "");
      return row.box;
    }
    const box = el("div.control", {}, title);
    // the subject's right side is at the left of the picture, so it comes first
    for (const control of [...sides].sort((a, b) => b.side.localeCompare(a.side))) {
      const { slide, number, row } = this.inputs([control], `${first.label}, ${NAMES[control.side]} side`);
      row.box = box;
      box.append(el("div.pair", {}, el("span.side-label", { title: `the person's ${NAMES[control.side]}` }, control.side), slide, number));
    }
    return box;
  }

  /** A slider and its number for controls that move together. */
  inputs(controls, words) {
    const step = controls[0].step < 0.02 ? controls[0].step : controls[0].step / 5;
    const slide = el("input.slide", { type: "range", step: "any", "aria-label": words, "data-control": controls.map((c) => c.name).join(" ") });
    const number = el("input.number", { type: "number", step: "any", "aria-label": `${words}, as a number`, inputmode: "decimal" });
    const row = { controls, slide, number, step };
    this.rows.push(row);
    slide.addEventListener("input", () => this.move(row, slide.valueAsNumber, false));
    slide.addEventListener("change", () => this.move(row, slide.valueAsNumber, true));
    slide.addEventListener("dblclick", () => this.move(row, 0, true));
    slide.addEventListener("keydown", (event) => this.key(row, event));
    number.addEventListener("change", () => this.move(row, number.valueAsNumber || 0, true));
    return { slide, number, row };
  }

  key(row, event) {
    const { step, slide } = row;
    const moves = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step, PageUp: 5 * step, PageDown: -5 * step };
    if (event.key in moves) this.move(row, this.value(row) + moves[event.key], true);
    else if (event.key === "Home") this.move(row, Number(slide.min), true);
    else if (event.key === "End") this.move(row, Number(slide.max), true);
    else if (event.key === "Delete" || event.key === "Backspace" || event.key === "0") this.move(row, 0, true);
    else return;
    event.preventDefault();
  }

  move(row, value, done) {
    const near = 0.012 * (Number(row.slide.max) - Number(row.slide.min));
    const kept = Math.abs(value) < near && !done ? 0 : value; // the photo is easy to find again
    if (row.choices) row.choices.move(kept, done);
    else this.state.move(Object.fromEntries(row.controls.map((control) => [control.name, kept])), done);
  }

  value(row) {
    return row.controls.reduce((sum, control) => sum + this.state.change(control.name), 0) / row.controls.length;
  }

  refresh() {
    for (const row of this.rows) {
      if (row.dot) {
        row.dot.hidden = !row.names.some((name) => this.state.change(name));
        continue;
      }
      const ranges = row.controls.map((control) => this.state.range(control));
      const [low, high] = [Math.min(...ranges.map((r) => r[0])), Math.max(...ranges.map((r) => r[1]))];
      const value = this.value(row);
      Object.assign(row.slide, { min: low, max: high });
      row.slide.value = value;
      const place = (at) => `calc(9px + (100% - 18px) * ${(at - low) / (high - low || 1)})`;
      row.slide.style.setProperty("--zero", place(0));
      row.slide.style.setProperty("--at", place(value));
      row.slide.setAttribute("aria-valuetext", value ? signed(value, row.controls[0].unit) : "as in the photo");
      if (document.activeElement !== row.number) row.number.value = value ? Number(value.toFixed(2)) : 0;
      row.choices?.refresh();
      row.box?.classList.toggle("moved", row.controls.some((control) => this.state.change(control.name)));
    }
  }
}

function signed(value, unit) {
  return `${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}${unit}`;
}
