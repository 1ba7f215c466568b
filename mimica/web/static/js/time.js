// The pane "Time": keyframes or a script, curves, playing, blinks, and videos.

import { drawCurves } from "./curves.js";
import { Exporter } from "./exporter.js";
import { ScriptEditor } from "./script.js";
import { Timeline } from "./timeline.js";
import { byId, el, segments, select, tell, toggle } from "./ui.js";

const EASINGS = [["ease", "Ease"], ["linear", "Evenly"], ["ease_in", "Slow start"], ["ease_out", "Slow end"], ["hold", "Jump"]];
const PLAY = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M8 5v14l11-7z"/></svg>';
const PAUSE = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 5h4v14H6zM14 5h4v14h-4z"/></svg>';

export class TimePane {
  constructor(state, socket, stage, renderer, gallery, root) {
    Object.assign(this, { state, socket, stage, renderer, root });
    this.mode = "keyframes";
    this.options = { loop: false, blinks: false, alive: false, repeat: true };
    this.playing = false;
    this.asked = 0;
    this.timeline = new Timeline();
    this.editor = new ScriptEditor(socket);
    this.exporter = new Exporter(state, gallery, () => this.score(), "time", "Make the video");
    this.build();
    this.wire();
  }

  build() {
    this.keyframes = el("div", {}, this.timeline.root, this.keyTools());
    this.keyframes.style.cssText = "display:grid;gap:10px";
    this.scripting = el("div", { hidden: true }, this.editor.box, this.editor.verdict);
    this.playButton = el("button.button.primary.play", { type: "button", id: "play", "aria-label": "Play", onclick: () => this.toggle() });
    this.playButton.innerHTML = PLAY;
    this.clock = el("span.clock", {}, "0.0 s");
    this.curves = el("div", { id: "curves" });
    const set = (name) => (on) => { this.options[name] = on; this.update(); };
    this.root.append(
      segments("How", [["keyframes", "Keyframes"], ["script", "Script"]], this.mode, (mode) => this.setMode(mode)),
      this.keyframes, this.scripting,
      el("div.transport", {}, this.playButton, this.clock, el("span.spring"),
        toggle("Repeat", true, (on) => { this.options.repeat = on; })),
      el("div.row", {}, toggle("Blinks", false, set("blinks"), "blinks"),
        this.state.session.alive ? toggle("Idle motion", false, set("alive"), "alive") : null,
        toggle("End as it begins", false, set("loop"), "loop")),
      el("div", {}, el("h3", {}, "Curves"), this.curves),
      this.exporter.root,
    );
  }

  keyTools() {
    this.easing = select(EASINGS, "ease", { "aria-label": "How the keyframe is reached", onchange: () => { if (this.timeline.chosen) { this.timeline.chosen.easing = this.easing.value; this.update(); } } });
    this.removeKey = el("button.quiet", { type: "button", onclick: () => this.timeline.remove() }, "Remove");
    const add = el("button.button.small", { type: "button", id: "add-key", onclick: () => this.timeline.add(this.timeline.time, { ...this.state.changes[this.state.face] }, this.easing.value) }, "Keyframe here");
    return el("div.row", {}, add, this.easing, this.removeKey);
  }

  wire() {
    const { timeline, state, socket } = this;
    timeline.addEventListener("changed", () => this.update());
    timeline.addEventListener("chosen", () => this.chosen());
    timeline.addEventListener("seek", (event) => { this.stop(); this.seek(event.detail.time); });
    this.editor.addEventListener("script", (event) => { if (event.detail.ok && this.mode === "script") this.update(); });
    state.addEventListener("changes", (event) => {
      if (!timeline.chosen || !event.detail.done || this.root.hidden && !this.following) return;
      timeline.chosen.changes = { ...state.changes[state.face] };
      this.update();
    });
    state.addEventListener("photo", () => this.begin());
    state.addEventListener("engine", () => this.begin());
    socket.addEventListener("score", (event) => this.scored(event.detail.header));
    socket.addEventListener("play", (event) => this.played(event.detail));
  }

  /** Something to start from: the photo, then what the sliders show (or a smile), then the photo. */
  begin() {
    this.stop();
    this.timeline.keys = [];
    this.timeline.chosen = null;
    this.started = false;
  }

  enter() {
    if (!this.state.photo?.largest) return;
    if (!this.started) {
      this.started = true;
      const { state, timeline } = this;
      const shown = state.changes[state.face] ?? {};
      const target = Object.keys(shown).length ? { ...shown } : state.fromAbsolute(state.expressions.surprise);
      timeline.keys = [[0, {}], [0.8, target], [1.8, target], [2.6, {}]].map(([time, changes]) => ({ time, changes: { ...changes }, easing: "ease" }));
      timeline.sort();
      timeline.draw();
      this.editor.check();
    }
    this.update();
  }

  leave() {
    this.stop();
    this.timeline.choose(null);
    this.renderer.paused = false;
    this.renderer.ask(true);
  }

  setMode(mode) {
    this.mode = mode;
    this.keyframes.hidden = mode !== "keyframes";
    this.scripting.hidden = mode !== "script";
    if (mode === "script") this.editor.check();
    this.update();
  }

  /** What is to be done in time; null where the script has a fault. */
  score() {
    const { state, options } = this;
    const attributes = Object.entries(state.changes[state.face] ?? {}).filter(([name]) => state.byName(name)?.group === "attributes");
    const whole = { faces: state.selected, engine: state.engine, doses: Object.fromEntries(attributes), loop: options.loop, blinks: options.blinks, alive: options.alive };
    if (this.mode === "keyframes") return { ...whole, keyframes: this.timeline.keys.map(({ time, changes, easing }) => ({ time, changes, easing })) };
    if (!this.editor.ok) {
      tell(`The script cannot be read: ${this.editor.verdict.textContent}`, true);
      return null;
    }
    return { ...whole, script: this.editor.text };
  }

  update() {
    this.removeKey.disabled = !this.timeline.chosen;
    if (!this.state.photo || (this.mode === "script" && !this.editor.ok)) return;
    this.socket.send({ type: "score", photo: this.state.photo.photo, score: this.score() });
  }

  scored(found) {
    this.seconds = found.seconds;
    const label = (base) => {
      const control = this.state.controls.find((one) => one.base === base);
      return control ? control.label.replace(/(.{17}).+/, "$1…") : base;
    };
    this.curves.replaceChildren(drawCurves(found.curves, label));
    this.warned ??= new Set();
    for (const words of found.warnings.filter((one) => !this.warned.has(one))) {
      this.warned.add(words);
      tell(words.charAt(0).toUpperCase() + words.slice(1));
    }
  }

  chosen() {
    const { timeline, state } = this;
    this.stop();
    this.removeKey.disabled = !timeline.chosen;
    if (!timeline.chosen) return;
    this.easing.value = timeline.chosen.easing;
    timeline.moveHead(timeline.chosen.time);
    this.renderer.paused = false;
    state.replace(timeline.chosen.changes, false);
  }

  // --- playing ---

  toggle() {
    if (this.playing) this.stop();
    else if (this.score()) this.play();
  }

  play() {
    this.playing = true;
    this.renderer.paused = true;
    this.playButton.innerHTML = PAUSE;
    this.playButton.setAttribute("aria-label", "Pause");
    const from = this.timeline.time >= (this.seconds ?? 0) - 0.05 ? 0 : this.timeline.time;
    this.startedAt = performance.now() - 1000 * from;
    this.frames = [];
    this.seek(from);
  }

  stop() {
    this.playing = false;
    this.playButton.innerHTML = PLAY;
    this.playButton.setAttribute("aria-label", "Play");
  }

  seek(time) {
    const score = this.score();
    if (!score) return;
    this.renderer.paused = true;
    this.asked = this.socket.send({ type: "play", photo: this.state.photo.photo, score, time });
  }

  async played({ header, blob }) {
    if (header.seq !== this.asked || !this.renderer.paused) return;
    await this.stage.show(blob, header.seq);
    this.timeline.moveHead(header.time);
    this.clock.textContent = `${header.time.toFixed(1)} of ${(this.seconds ?? 0).toFixed(1)} s`;
    if (!this.playing) return;
    this.frames = [...this.frames.filter((at) => at > performance.now() - 1000), performance.now()];
    byId("readout").textContent = `${this.frames.length} frames/s`;
    let time = (performance.now() - this.startedAt) / 1000;
    if (time > this.seconds) {
      if (!this.options.repeat) { this.stop(); return; }
      this.startedAt = performance.now();
      time = 0;
    }
    this.seek(time);
  }
}
