// The pane "Face": expressions, an expression from another photo or a file, sliders, saving the picture.

import { getBlob, getJson } from "./net.js";
import { Presets } from "./presets.js";
import { Sliders } from "./sliders.js";
import { busy, download, el, field, pick, select, tell } from "./ui.js";

export class FacePane {
  constructor(state, socket, root, gallery) {
    Object.assign(this, { state, root, gallery });
    const [presets, sliders] = [el("section.presets-section"), el("section")];
    presets.style.display = "grid";
    presets.style.gap = "12px";
    this.who = el("div.row");
    this.presets = new Presets(state, socket, presets);
    this.sliders = new Sliders(state, sliders);
    root.append(this.who, presets, this.borrow(), this.heading(), sliders, this.save());
    state.addEventListener("photo", () => this.drawWho());
    state.addEventListener("faces", () => this.drawWho());
  }

  /** Which face is moved, where there are several. */
  drawWho() {
    const { state } = this;
    const usable = state.photo.faces.filter((face) => !face.refusal).map((face) => face.number);
    if (usable.length < 2) {
      this.who.replaceChildren();
      this.who.hidden = true;
      return;
    }
    this.who.hidden = false;
    const chip = (words, faces) => el("button.chip", {
      type: "button",
      "aria-pressed": String(state.selected.length === faces.length && faces.every((face) => state.selected.includes(face))),
      onclick: () => { state.selected = faces; state.emit("faces"); },
    }, words);
    this.who.replaceChildren(...usable.map((number) => chip(`Face ${number}`, [number])), chip("All", usable));
  }

  borrow() {
    const like = el("button.button.small", { type: "button", id: "like", onclick: async () => this.like(await pick("image/*")) }, "Like a photo …");
    const load = el("button.button.small", { type: "button", id: "load-expression", title: "An expression from a file", onclick: async () => this.load(await pick(".json,application/json")) }, "Load …");
    const save = el("button.button.small", { type: "button", id: "save-expression", title: "This expression as a file", onclick: () => this.saveExpression() }, "Save …");
    for (const [name, type] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
      like.addEventListener(name, (event) => {
        event.preventDefault();
        event.stopPropagation();
        like.classList.toggle("primary", type);
        if (name === "drop") this.like(event.dataTransfer.files[0]);
      });
    }
    like.title = "Takes over the expression of the face in a second photo; drop it here";
    return el("div.row", {}, like, load, save);
  }

  heading() {
    const reset = el("button.quiet", { type: "button", id: "reset", onclick: () => { this.presets.weights = {}; this.presets.build(); this.state.replace({}); } }, "Back to the photo");
    return el("div.section-head", {}, el("h2", {}, "Details"), el("span.spring"), reset);
  }

  async like(file) {
    if (!file) return;
    const found = await busy(getJson(`/api/photos/${this.state.photo.photo}/like`, { method: "POST", file }));
    if (found) this.state.replace(this.state.fromAbsolute(found.controls));
  }

  async load(file) {
    if (!file) return;
    const found = await busy(getJson("/api/expression-file", { method: "POST", body: await file.text() }));
    if (found) this.state.replace(this.state.fromAbsolute(found.controls));
  }

  async saveExpression() {
    const { state } = this;
    const faces = [{ face: state.face, changes: state.changes[state.face] ?? {} }];
    const blob = await busy(getBlob(`/api/photos/${state.photo.photo}/expression`, { method: "POST", json: { faces, engine: state.engine } }));
    if (blob) download(blob, "expression.json");
  }

  save() {
    const format = select([["jpg", "JPEG"], ["png", "PNG"], ["webp", "WebP"]], "jpg", { id: "picture-format" });
    const button = el("button.button.primary", { type: "button", id: "save-picture", onclick: () => this.savePicture(format.value) }, "Add to the gallery");
    return el("div.export", {}, el("h3", {}, "The picture, in full resolution"), el("div.row", {}, field("Format", format), el("span.spring"), button),
      el("p.fine", {}, "The file says that it was edited with Mimica."));
  }

  async savePicture(format) {
    const { photo, ...frame } = this.state.frame;
    const blob = await busy(getBlob(`/api/photos/${photo}/edit`, { method: "POST", json: { ...frame, format } }));
    if (!blob) return;
    this.gallery.add(blob, `edited.${format}`);
    tell("The picture is in the gallery.");
  }
}
