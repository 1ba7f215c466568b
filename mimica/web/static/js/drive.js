// The pane "Drive": a webcam or a film moves the photo while one looks on.

import { Exporter } from "./exporter.js";
import { byId, el, field, pick, segments, tell, toggle } from "./ui.js";

const CAPTURED_SIDE = 480;
const IN_FLIGHT = 2; // one on its way while one is rendered
const LAW = "Without the mark you must tell those who watch, in another clear way and from the first frame on, that the picture is made by a machine (in the European Union: Regulation 2024/1689, article 50).";

export class DrivePane {
  constructor(state, socket, stage, renderer, gallery, root) {
    Object.assign(this, { state, socket, stage, renderer, root });
    const asked = new URLSearchParams(location.search);
    this.source = "camera";
    this.running = false;
    this.gain = Number(asked.get("gain")) || 1;
    this.parts = new Set(asked.get("parts") ? asked.get("parts").split(",") : state.session.groups);
    this.mark = asked.get("mark") !== "0";
    this.flying = 0;
    this.canvas = document.createElement("canvas");
    this.video = el("video", { id: "monitor", playsinline: true, muted: true, "aria-label": "What the camera sees" });
    this.video.muted = true;
    this.exporter = new Exporter(state, gallery, () => ({ faces: [state.face], engine: state.engine, recording: this.recorded }), "drive", "Make the video of the recording");
    this.exporter.root.hidden = true;
    this.build();
    socket.addEventListener("camera", (event) => this.received(event.detail));
    socket.addEventListener("error", (event) => { if (event.detail.header.of === "camera") this.stop(); });
    socket.addEventListener("lost", () => { if (this.running) { tell("The connection was lost.", true); this.stop(); } });
  }

  build() {
    this.startButton = el("button.button.primary", { type: "button", id: "drive-start", onclick: () => (this.running ? this.stop() : this.start()) }, "Start");
    this.calibrateButton = el("button.button", { type: "button", id: "calibrate", disabled: true, onclick: () => { this.calibrate = true; } }, "Calibrate");
    this.recordButton = el("button.button", { type: "button", id: "record", disabled: true, "aria-pressed": "false", onclick: () => this.record() }, "Record");
    this.stats = Object.fromEntries(["latency", "rate", "face"].map((name) => [name, el("dd", { id: `drive-${name}` }, "–")]));
    const list = el("dl.stats", {}, el("dt", {}, "Latency"), this.stats.latency, el("dt", {}, "Frames/s"), this.stats.rate, el("dt", {}, "Face"), this.stats.face);
    this.law = el("p.law", { hidden: this.mark }, LAW);
    this.root.append(
      segments("What moves the photo", [["camera", "Webcam"], ["film", "Film"]], this.source, (source) => { this.stop(); this.source = source; }),
      el("p.fine", {}, "Sit still and look at rest when it starts: what changes from there goes over to the photo. Pictures of the camera stay on this machine and are not kept."),
      el("div.monitor", {}, this.video, list),
      el("div.row", {}, this.startButton, this.calibrateButton, this.recordButton),
      this.gainField(), this.partsField(),
      toggle("Show “AI MODIFIED” in the corner", this.mark, (on) => { this.mark = on; this.law.hidden = on; }, "mark"), this.law,
      this.exporter.root,
    );
  }

  gainField() {
    const slide = el("input.slide", { type: "range", min: "0.2", max: "3", step: "0.05", "aria-label": "How strongly", id: "gain" });
    const show = () => slide.style.setProperty("--at", `calc(9px + (100% - 18px) * ${(this.gain - 0.2) / 2.8})`);
    slide.value = this.gain;
    slide.oninput = () => { this.gain = slide.valueAsNumber; show(); };
    slide.ondblclick = () => { this.gain = 1; slide.value = 1; show(); };
    show();
    return field("How strongly", slide);
  }

  partsField() {
    const chips = this.state.session.groups.map((name) => {
      const box = el("input.hidden-input", { type: "checkbox", checked: this.parts.has(name), onchange: () => this.parts[box.checked ? "add" : "delete"](name) });
      return el("label.chip", {}, box, name);
    });
    return el("fieldset", {}, el("legend.fine.legend", {}, "What it moves"), el("div.checks", {}, ...chips));
  }

  async start() {
    try {
      if (this.source === "camera") await this.openCamera();
      else if (!(await this.openFilm())) return;
    } catch (error) {
      tell(error.name === "NotAllowedError" ? "The browser may not use the camera: allow it beside the address." : `There is no camera to be used (${error.message}).`, true);
      return;
    }
    this.running = true;
    this.renderer.paused = true;
    this.flying = 0;
    this.latencies = [];
    this.arrivals = [];
    this.began = performance.now();
    this.calibrate = true;
    this.startButton.textContent = "Stop";
    this.calibrateButton.disabled = this.recordButton.disabled = false;
    this.tick();
  }

  async openCamera() {
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480, frameRate: 30 } });
    this.video.srcObject = this.stream;
    this.video.classList.add("mirror");
    await this.video.play();
  }

  async openFilm() {
    const file = this.film ?? (await pick("video/*"));
    this.film = null;
    if (!file) return false;
    this.video.srcObject = null;
    this.video.src = URL.createObjectURL(file);
    this.video.classList.remove("mirror");
    this.video.onended = () => this.stop();
    await this.video.play();
    return true;
  }

  stop() {
    if (!this.running) return;
    if (this.recording) this.record();
    this.running = false;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.pause();
    this.startButton.textContent = "Start";
    this.calibrateButton.disabled = this.recordButton.disabled = true;
    byId("live-mark").textContent = "";
    this.capture();
  }

  leave() {
    this.stop();
    this.renderer.paused = false;
    this.renderer.ask(true);
  }

  record() {
    this.recording = !this.recording;
    this.recordButton.setAttribute("aria-pressed", String(this.recording));
    this.recordButton.classList.toggle("recording", this.recording);
    this.recordButton.textContent = this.recording ? "Stop recording" : "Record";
  }

  /** Sends the newest picture as soon as there is room for one. */
  tick() {
    if (!this.running) return;
    const next = () => this.tick();
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(next);
    else requestAnimationFrame(next);
    if (this.flying < IN_FLIGHT && this.video.videoWidth) this.capture();
  }

  async capture() {
    const scale = Math.min(1, CAPTURED_SIDE / Math.max(this.video.videoWidth, this.video.videoHeight, 1));
    this.canvas.width = Math.max(2, Math.round(this.video.videoWidth * scale));
    this.canvas.height = Math.max(2, Math.round(this.video.videoHeight * scale));
    const at = performance.now();
    this.flying += 1;
    this.canvas.getContext("2d").drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    const blob = await new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", 0.75));
    const message = {
      type: "camera", photo: this.state.photo.photo, face: this.state.face, engine: this.state.engine, time: at / 1000, at,
      gain: this.gain, parts: [...this.parts], mark: this.mark, calibrate: this.calibrate, record: Boolean(this.recording) && this.running,
    };
    this.calibrate = false;
    this.socket.send(message, await blob.arrayBuffer());
  }

  async received({ header, blob }) {
    this.flying = Math.max(0, this.flying - 1 - (header.dropped - (this.dropped ?? header.dropped)));
    this.dropped = header.dropped;
    if (header.recording) {
      this.recorded = header.recording;
      this.exporter.root.hidden = false;
      tell(`Recorded ${header.seconds.toFixed(1)} s; make the video below.`);
    }
    if (!this.running) return;
    await this.stage.show(blob, header.seq);
    const now = performance.now();
    this.latencies = [...this.latencies, header.roundTrip].slice(-40);
    this.arrivals = [...this.arrivals.filter((at) => at > now - 2000), now];
    const median = [...this.latencies].sort((a, b) => a - b)[Math.floor(this.latencies.length / 2)];
    const span = Math.min(2000, Math.max(200, now - this.began)) / 1000;
    this.stats.latency.textContent = `${Math.round(median)} ms`;
    this.stats.rate.textContent = (this.arrivals.length / span).toFixed(1);
    this.stats.face.textContent = !header.seen ? "not seen" : header.calibrated ? "followed" : "taking rest …";
    byId("readout").textContent = `${Math.round(median)} ms, ${(this.arrivals.length / span).toFixed(0)} frames/s`;
    byId("live-mark").textContent = this.mark ? "AI MODIFIED" : "";
  }
}
