// Videos: what format, how large; progress and cancel; the result goes to the gallery.

import { getBlob, getJson, request } from "./net.js";
import { el, field, select, tell } from "./ui.js";

const FORMATS = [["mp4", "MP4"], ["webm", "WebM"], ["gif", "GIF"], ["webp", "WebP"]];
const SIZES = [["512", "512 px"], ["720", "720 px"], ["1080", "1080 px"], ["2160", "2160 px"]];

export class Exporter {
  /** `score` gives what is to be made, or null; `prefix` tells the ids of two exporters apart. */
  constructor(state, gallery, score, prefix, words) {
    Object.assign(this, { state, gallery, score });
    this.format = select(FORMATS, "mp4", { id: `${prefix}-format` });
    this.size = select(SIZES, "1080", { id: `${prefix}-size` });
    this.fps = el("input.number", { type: "number", min: "1", max: "60", step: "1", value: "25", id: `${prefix}-fps` });
    this.button = el("button.button.primary", { type: "button", id: `${prefix}-export`, onclick: () => this.start() }, words);
    this.cancel = el("button.quiet", { type: "button", onclick: () => this.stop() }, "Cancel");
    this.bar = el("span");
    this.words = el("span.fine.num", { role: "status" });
    this.progress = el("div", { hidden: true }, el("div.progress", {}, this.bar), el("div.row", {}, this.words, el("span.spring"), this.cancel));
    this.root = el("div.export", {},
      el("div.fields", {}, field("Format", this.format), field("Longer side", this.size), field("Frames a second", this.fps)),
      this.button, this.progress);
  }

  async start() {
    const score = this.score();
    if (!score) return;
    const words = { ...score, format: this.format.value, size: Number(this.size.value), fps: Math.min(60, Math.max(1, this.fps.valueAsNumber || 25)) };
    this.button.disabled = true;
    this.progress.hidden = false;
    this.show(0, "waiting");
    try {
      this.job = await getJson(`/api/photos/${this.state.photo.photo}/animate`, { method: "POST", json: words });
      await this.watch();
    } catch (error) {
      tell(error.message, true);
    }
    this.button.disabled = false;
    this.progress.hidden = true;
  }

  async watch() {
    while (["waiting", "running"].includes(this.job.state)) {
      const left = this.job.seconds_left === null ? "" : `, ${Math.ceil(this.job.seconds_left)} s left`;
      this.show(this.job.total ? this.job.done / this.job.total : 0, this.job.total ? `${this.job.done} of ${this.job.total} frames${left}` : this.job.state);
      await new Promise((resolve) => setTimeout(resolve, 300));
      this.job = await getJson(`/api/jobs/${this.job.id}`);
    }
    if (this.job.state === "failed") throw new Error(this.job.error);
    if (this.job.state !== "done") return;
    this.job.warnings.forEach((words) => tell(words));
    this.gallery.add(await getBlob(`/api/jobs/${this.job.id}/result`), `animated.${this.job.format}`);
    await request(`/api/jobs/${this.job.id}`, { method: "DELETE" });
    tell("The video is in the gallery.");
  }

  show(part, words) {
    this.bar.style.width = `${100 * part}%`;
    this.words.textContent = words;
  }

  async stop() {
    if (this.job) this.job = await getJson(`/api/jobs/${this.job.id}`, { method: "DELETE" });
  }
}
