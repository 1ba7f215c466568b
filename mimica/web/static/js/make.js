// The pane "Make": which engine moves the photo; faces of nobody and transitions by the engines with a latent space.

import { getJson } from "./net.js";
import { busy, el, field, select } from "./ui.js";

const ABOUT = {
  ganimation: "Action Units at the photo's full resolution.",
  vae: "Action Units and attributes: age, hair, beard, glasses … by a variational autoencoder.",
  stylegan: "Directions in StyleGAN's latent space.",
};

export class MakePane {
  constructor(state, gallery, root, useEngine) {
    Object.assign(this, { state, gallery, root, useEngine });
    this.samples = el("div.tiles", { id: "samples" });
    this.build();
    state.addEventListener("engine", () => { this.engine.value = state.engine; this.describe(); });
  }

  build() {
    this.engine = select(this.state.session.engines.map((name) => [name, name]), this.state.engine, { id: "engine", onchange: () => this.useEngine(this.engine.value) });
    this.about = el("p.fine");
    this.root.append(
      el("section.box", {}, el("h3", {}, "The engine that moves the photo"), field("Engine", this.engine), this.about),
      this.sampling(), this.transitions(),
    );
    this.describe();
  }

  describe() {
    this.about.textContent = ABOUT[this.state.engine] ?? "";
  }

  sampling() {
    const engine = select(this.state.session.makers.map((name) => [name, name]), this.state.session.makers[0], { id: "maker" });
    const seeds = el("input.text", { id: "seeds", value: "1-6", "aria-describedby": "seeds-help" });
    const button = el("button.button.small", { type: "button", id: "sample", onclick: () => this.make({ engine: engine.value, seeds: seeds.value }) }, "Make faces");
    return el("section.box", {}, el("h3", {}, "Faces of nobody"), el("div.fields", {}, field("Engine", engine), field("Seeds", seeds)),
      el("p.fine", { id: "seeds-help" }, "A number gives the same face each time; 1-6,9 names several."), el("div.row", {}, button), this.samples);
  }

  async make(words) {
    const found = await busy(getJson("/api/samples", { method: "POST", json: words }));
    if (!found) return;
    this.samples.replaceChildren(...found.pictures.map(({ image, label }) => this.tile(image, label, `${words.engine}-${label.replace(" ", "-")}.png`)));
  }

  tile(image, label, name) {
    const keep = el("button.quiet", { type: "button", "aria-label": `Keep ${label} in the gallery`, onclick: async () => this.gallery.add(await (await fetch(image)).blob(), name) }, "Keep");
    return el("div.tile", {}, el("img", { src: image, alt: `A generated face, ${label}` }), el("div.row", {}, el("span.tile-name", {}, label), keep));
  }

  transitions() {
    const names = ["own", ...Object.keys(this.state.expressions)].map((name) => [name, name === "own" ? "its own" : name.replaceAll("_", " ")]);
    const [start, end] = [select(names, "own", { id: "from" }), select(names, "happiness", { id: "to" })];
    const seed = el("input.text", { id: "seed", type: "number", min: "0", value: "1" });
    const strip = el("div");
    const run = async () => {
      const json = { seed: seed.valueAsNumber || 0, start: start.value, end: end.value };
      const found = await busy(getJson("/api/transitions", { method: "POST", json }));
      if (found) strip.replaceChildren(player(found.pictures));
    };
    return el("section.box", {}, el("h3", {}, "From one expression to another"),
      el("p.fine", {}, "Straight through StyleGAN's latent space, without passing neutral."),
      el("div.fields", {}, field("Seed", seed), field("From", start), field("To", end)),
      el("div.row", {}, el("button.button.small", { type: "button", id: "transit", onclick: run }, "Show the way")), strip);
  }
}

/** Pictures that a slider goes through. */
function player(pictures) {
  const image = el("img.strip", { src: pictures[0].image, alt: "A generated face on its way" });
  const slide = el("input.slide", { type: "range", min: "0", max: String(pictures.length - 1), step: "1", value: "0", "aria-label": "How far on the way" });
  const show = (i) => {
    image.src = pictures[i].image;
    slide.style.setProperty("--at", `calc(9px + (100% - 18px) * ${i / (pictures.length - 1)})`);
  };
  slide.oninput = () => show(slide.valueAsNumber);
  const box = el("div", {}, image, slide);
  box.style.cssText = "display:grid;justify-items:center;gap:8px";
  return box;
}
