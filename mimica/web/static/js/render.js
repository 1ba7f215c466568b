// From slider moves to pictures: the latest preview while dragging, full resolution on release.

import { byId, tell } from "./ui.js";

const PREVIEW_SIDE = 512;

export class Renderer {
  constructor(state, socket, stage) {
    Object.assign(this, { state, socket, stage });
    this.times = [];
    this.paused = false; // while time or a camera moves the photo
    state.addEventListener("changes", (event) => this.ask(event.detail.done));
    for (const kind of ["preview", "full", "masks"]) {
      socket.addEventListener(kind, (event) => this.received(kind, event.detail));
    }
    socket.addEventListener("error", (event) => tell(event.detail.header.error, true));
  }

  ask(done) {
    const { state, stage } = this;
    if (!state.photo || !state.selected.length || this.paused) return;
    if (stage.pressed("layers")) {
      this.socket.send({ type: "masks", ...state.frame });
      return;
    }
    this.socket.send({ type: "preview", ...state.frame });
    const large = Math.max(state.photo.width, state.photo.height) > PREVIEW_SIDE;
    if (done && large) this.socket.send({ type: "full", ...state.frame });
  }

  async received(kind, { header, blob }) {
    if ((kind === "masks") !== this.stage.pressed("layers") || this.paused) return;
    const shown = await this.stage.show(blob, header.seq, kind === "masks" ? header.size : undefined);
    if (shown && kind === "preview") {
      this.times = [...this.times, header.roundTrip].slice(-15);
      const median = [...this.times].sort((a, b) => a - b)[Math.floor(this.times.length / 2)];
      byId("readout").textContent = `preview ${Math.round(median)} ms`;
      byId("readout").dataset.ms = header.roundTrip;
    } else if (shown && kind === "full") {
      byId("readout").textContent = `full resolution, ${header.size[0]} × ${header.size[1]}`;
    }
  }
}
