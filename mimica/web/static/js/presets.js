// Expressions as buttons with this face on them, alone or mixed.

import { el, toggle } from "./ui.js";

const SHOWN_FIRST = 8;

export class Presets {
  constructor(state, socket, root) {
    Object.assign(this, { state, socket, root });
    this.mixing = false;
    this.weights = {};
    this.intensity = 1;
    this.all = false;
    this.portraits = new Map();
    state.addEventListener("engine", () => this.start());
    state.addEventListener("faces", () => this.start());
    socket.addEventListener("portrait", (event) => this.received(event.detail));
  }

  start() {
    for (const url of this.portraits.values()) URL.revokeObjectURL(url);
    this.portraits.clear();
    this.weights = {};
    this.build();
    this.ask();
  }

  get names() {
    const all = Object.keys(this.state.expressions);
    return this.all ? all : all.slice(0, SHOWN_FIRST);
  }

  /** Small pictures of this face, those that are seen first. */
  ask() {
    const { state } = this;
    if (!state.face) return;
    for (const name of this.names.filter((one) => !this.portraits.has(one))) {
      const changes = state.fromAbsolute(state.expressions[name]);
      const kept = Object.fromEntries(Object.entries(changes).filter(([, value]) => Math.abs(value) > 1e-4));
      const faces = [{ face: state.face, changes: kept }];
      this.socket.send({ type: "portrait", name, photo: state.photo.photo, engine: state.engine, faces });
    }
  }

  received({ header, blob }) {
    this.portraits.set(header.name, URL.createObjectURL(blob));
    const image = this.root.querySelector(`[data-expression="${header.name}"] img`);
    if (image) image.src = this.portraits.get(header.name);
  }

  build() {
    const mix = toggle("Mix", this.mixing, (on) => { this.mixing = on; if (!on) this.keepStrongest(); this.build(); }, "mix");
    const grid = el("div.presets", {}, ...this.names.map((name) => this.button(name)));
    const more = el("button.quiet.more", { type: "button", onclick: () => { this.all = !this.all; this.build(); this.ask(); } }, this.all ? "Fewer" : "All expressions");
    this.root.replaceChildren(
      el("div.section-head", {}, el("h2", {}, "Expressions"), el("span.spring"), mix),
      grid, el("div.row", {}, more), this.mixer(),
    );
  }

  button(name) {
    const chosen = name in this.weights;
    const image = el("img.portrait", { alt: "", width: "64", height: "64" });
    image.src = this.portraits.get(name) ?? "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
    return el("button.preset", { type: "button", "data-expression": name, "aria-pressed": String(chosen), onclick: () => this.choose(name) },
      image, el("span.label", {}, name.replaceAll("_", " ")));
  }

  choose(name) {
    if (this.mixing) {
      if (name in this.weights) delete this.weights[name];
      else this.weights[name] = Object.keys(this.weights).length ? 0.5 : 1;
    } else {
      const only = name in this.weights && Object.keys(this.weights).length === 1;
      this.weights = only ? {} : { [name]: 1 };
    }
    this.build();
    this.root.querySelector(`[data-expression="${name}"]`)?.focus();
    this.apply(true);
  }

  keepStrongest() {
    const [first] = Object.entries(this.weights).sort((a, b) => b[1] - a[1]);
    this.weights = first ? { [first[0]]: 1 } : {};
    this.apply(true);
  }

  mixer() {
    const box = el("div.mixer");
    if (this.mixing) {
      for (const name of Object.keys(this.weights)) box.append(this.weight(name.replaceAll("_", " "), this.weights[name], 1.5, (value) => { this.weights[name] = value; }));
    }
    if (Object.keys(this.weights).length) box.append(this.weight("How far", this.intensity, 1.5, (value) => { this.intensity = value; }, 1));
    return box;
  }

  weight(words, value, high, set, reset = 0) {
    const slide = el("input.slide", { type: "range", min: "0", max: String(high), step: "0.01", "aria-label": words });
    const number = el("input.number", { type: "number", min: "0", max: String(high), step: "0.05", "aria-label": `${words}, as a number` });
    const show = (now) => {
      slide.value = number.value = now;
      slide.style.setProperty("--at", `calc(9px + (100% - 18px) * ${now / high})`);
    };
    const change = (now, done) => { set(now); show(now); this.apply(done); };
    slide.oninput = () => change(slide.valueAsNumber, false);
    slide.onchange = () => change(slide.valueAsNumber, true);
    slide.ondblclick = () => change(reset, true);
    number.onchange = () => change(Math.min(high, Math.max(0, number.valueAsNumber || 0)), true);
    show(value);
    return el("div.control.moved", {}, el("span.name", {}, el("b", {}, words)), slide, number);
  }

  /** The sum of the emotions, each by its weight, clipped: what `--expression a:0.6+b:0.4` means. */
  apply(done) {
    const target = {};
    for (const [name, weight] of Object.entries(this.weights)) {
      for (const [control, value] of Object.entries(this.state.expressions[name])) {
        target[control] = Math.min(1, (target[control] ?? 0) + Math.min(1, value * weight));
      }
    }
    if (!Object.keys(this.weights).length) this.state.replace({}, done);
    else this.state.replace(this.state.fromAbsolute(target, this.intensity), done);
  }
}
