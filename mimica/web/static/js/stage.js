// The photo: before and after, zoom, the faces' outlines, the layers of the network.

import { byId, el } from "./ui.js";

const MOST_ENLARGED = 3.2;

export class Stage {
  constructor(state) {
    this.state = state;
    this.view = byId("view");
    this.paper = byId("paper");
    this.canvas = byId("after");
    this.before = byId("before");
    this.divider = byId("divider");
    this.size = [1, 1];
    this.zoom = 1;
    this.offset = [0, 0];
    this.shown = 0;
    new ResizeObserver(() => this.place()).observe(this.view);
    this.wireTools();
    this.wirePointers();
    this.wireDivider();
    state.addEventListener("photo", () => this.reset());
    state.addEventListener("faces", () => this.drawOutlines());
  }

  reset() {
    const photo = this.state.photo;
    this.shown = 0;
    this.zoom = 1;
    this.offset = [0, 0];
    this.before.src = `/api/photos/${photo.photo}/image`;
    this.before.onload = () => this.drawOriginal();
    this.press("compare", false);
    this.press("layers", false);
    this.press("faces", photo.faces.length > 1 || !photo.largest);
    this.setSize([photo.width, photo.height]);
    if (photo.faces.length === 1) this.zoomToFace(true);
    this.drawOutlines();
    this.showCompare();
    const remarks = photo.faces.flatMap((face) => [...face.warnings, face.refusal].filter(Boolean).map((words) => (photo.faces.length > 1 ? `Face ${face.number}: ${words}` : words)));
    byId("warnings").replaceChildren(...remarks.map((words) => el("li", {}, words.charAt(0).toUpperCase() + words.slice(1))));
  }

  drawOriginal() {
    if (this.shown) return;
    this.canvas.width = this.before.naturalWidth;
    this.canvas.height = this.before.naturalHeight;
    this.canvas.getContext("2d").drawImage(this.before, 0, 0);
  }

  /** Shows a rendered picture unless a newer one is there already; gives whether it was shown. */
  async show(blob, sequence, size) {
    if (sequence < this.shown) return false;
    this.shown = sequence;
    const bitmap = await createImageBitmap(blob);
    if (sequence < this.shown) return false;
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
    }
    this.canvas.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    this.setSize(size ?? [this.state.photo.width, this.state.photo.height]);
    return true;
  }

  setSize(size) {
    if (size[0] / size[1] !== this.size[0] / this.size[1]) {
      this.size = size;
      this.zoom = 1;
      this.offset = [0, 0];
    }
    this.place();
  }

  // --- zoom ---

  place() {
    const margin = Math.min(28, this.view.clientWidth * 0.03);
    const [width, height] = [this.view.clientWidth - 2 * margin, this.view.clientHeight - 2 * margin];
    if (width <= 0 || height <= 0) return;
    const fit = Math.min(width / this.size[0], height / this.size[1]);
    const base = [this.size[0] * fit, this.size[1] * fit];
    const reach = base.map((side, i) => Math.max(0, (side * this.zoom - [width, height][i]) / 2));
    this.offset = this.offset.map((value, i) => Math.min(reach[i], Math.max(-reach[i], value)));
    const left = (this.view.clientWidth - base[0] * this.zoom) / 2 + this.offset[0];
    const top = (this.view.clientHeight - base[1] * this.zoom) / 2 + this.offset[1];
    this.paper.style.width = `${base[0]}px`;
    this.paper.style.height = `${base[1]}px`;
    this.paper.style.transform = `translate(${left}px, ${top}px) scale(${this.zoom})`;
    this.paper.style.setProperty("--scale", this.zoom);
    this.middle = [(this.view.clientWidth / 2 - left) / (base[0] * this.zoom), (this.view.clientHeight / 2 - top) / (base[1] * this.zoom)];
    this.divider.firstElementChild.style.top = `${100 * this.middle[1]}%`;
    this.view.classList.toggle("still", this.zoom === 1);
  }

  zoomBy(factor, at) {
    const before = this.zoom;
    this.zoom = Math.min(12, Math.max(1, this.zoom * factor));
    const ratio = this.zoom / before;
    const box = this.view.getBoundingClientRect();
    const middle = at ? [at[0] - box.left - box.width / 2, at[1] - box.top - box.height / 2] : [0, 0];
    this.offset = this.offset.map((value, i) => middle[i] - (middle[i] - value) * ratio);
    this.place();
  }

  /** The chosen face in the middle, a good half of the view high; `gently`: only where it would be small. */
  zoomToFace(gently) {
    if (this.pressed("layers")) return;
    const face = this.state.photo.faces.find((one) => one.number === this.state.face);
    if (!face || !this.view.clientHeight) return;
    const [x0, y0, x1, y1] = face.box;
    const base = [parseFloat(this.paper.style.width), parseFloat(this.paper.style.height)];
    const share = ((y1 - y0) / this.state.photo.height) * (base[1] / this.view.clientHeight);
    if (gently && share > 0.3) return;
    const crisp = (MOST_ENLARGED * this.state.photo.width) / base[0]; // larger, single pixels would be seen
    this.zoom = Math.max(1, Math.min(6, 0.46 / share, gently ? crisp : 6));
    const middle = [(x0 + x1) / 2 / this.state.photo.width, (y0 + y1) / 2 / this.state.photo.height - 0.06 * (y1 - y0) / this.state.photo.height];
    this.offset = middle.map((at, i) => (0.5 - at) * base[i] * this.zoom);
    this.place();
  }

  wireTools() {
    byId("zoom-face").onclick = () => this.zoomToFace(false);
    byId("zoom-in").onclick = () => this.zoomBy(1.5);
    byId("zoom-out").onclick = () => this.zoomBy(1 / 1.5);
    byId("zoom-fit").onclick = () => this.zoomBy(1e-6);
    byId("compare").onclick = () => { this.press("compare"); this.setDivider(100 * this.middle[0]); this.showCompare(); };
    byId("faces").onclick = () => { this.press("faces"); this.drawOutlines(); };
    byId("layers").onclick = () => {
      this.press("layers");
      if (!this.pressed("layers")) this.setSize([this.state.photo.width, this.state.photo.height]);
      if (this.state.photo.faces.length === 1) this.zoomToFace(true);
      this.drawOutlines();
      this.showCompare();
      this.state.emit("changes", { done: true });
    };
    this.view.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 400), [event.clientX, event.clientY]);
    }, { passive: false });
  }

  press(id, on = !this.pressed(id)) {
    byId(id).setAttribute("aria-pressed", String(on));
  }

  pressed(id) {
    return byId(id).getAttribute("aria-pressed") === "true";
  }

  /** One finger or the mouse moves the picture, two zoom. */
  wirePointers() {
    const down = new Map();
    this.view.addEventListener("pointerdown", (event) => {
      if (event.target.closest("button, [role=slider]")) return;
      down.set(event.pointerId, [event.clientX, event.clientY]);
      this.view.setPointerCapture(event.pointerId);
    });
    this.view.addEventListener("pointermove", (event) => {
      const last = down.get(event.pointerId);
      if (!last) return;
      const now = [event.clientX, event.clientY];
      const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const distance = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
        this.zoomBy(distance(now) / Math.max(1, distance(last)), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
      } else {
        this.offset = this.offset.map((value, i) => value + now[i] - last[i]);
        this.place();
      }
      down.set(event.pointerId, now);
    });
    for (const name of ["pointerup", "pointercancel"]) this.view.addEventListener(name, (event) => down.delete(event.pointerId));
  }

  // --- before and after ---

  wireDivider() {
    this.setDivider(50);
    this.divider.addEventListener("pointerdown", (event) => {
      this.divider.setPointerCapture(event.pointerId);
      const drag = (move) => {
        const box = this.paper.getBoundingClientRect();
        this.setDivider((100 * (move.clientX - box.left)) / box.width);
      };
      this.divider.addEventListener("pointermove", drag);
      this.divider.addEventListener("pointerup", () => this.divider.removeEventListener("pointermove", drag), { once: true });
    });
    this.divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -2, ArrowRight: 2, Home: -100, End: 100 }[event.key];
      if (step) { this.setDivider(this.at + step); event.preventDefault(); }
    });
  }

  setDivider(at) {
    this.at = Math.min(100, Math.max(0, at));
    this.divider.style.left = `${this.at}%`;
    this.divider.setAttribute("aria-valuenow", Math.round(this.at));
    this.before.style.clipPath = `inset(0 ${100 - this.at}% 0 0)`;
  }

  showCompare() {
    const on = this.pressed("compare") && !this.pressed("layers");
    this.before.hidden = !on;
    this.divider.hidden = !on;
  }

  // --- faces ---

  drawOutlines() {
    const { photo, selected } = this.state;
    if (!photo) return;
    const on = this.pressed("faces") && !this.pressed("layers");
    byId("outlines").replaceChildren(...(on ? photo.faces : []).map((face) => this.outline(face, photo, selected.includes(face.number))));
  }

  outline(face, photo, chosen) {
    const [x0, y0, x1, y1] = face.box;
    const pad = 0.12 * (x1 - x0);
    const percent = (value, whole) => `${(100 * value) / whole}%`;
    const box = el("button.outline", {
      type: "button",
      "aria-pressed": String(chosen),
      "aria-label": face.refusal ? `Face ${face.number}: ${face.refusal}` : `Face ${face.number}`,
      disabled: Boolean(face.refusal),
      onclick: (event) => this.choose(face.number, event.shiftKey),
    }, el("span", {}, String(face.number)));
    Object.assign(box.style, {
      left: percent(x0 - pad, photo.width), top: percent(y0 - 2.2 * pad, photo.height),
      width: percent(x1 - x0 + 2 * pad, photo.width), height: percent(y1 - y0 + 3 * pad, photo.height),
    });
    return box;
  }

  choose(number, more) {
    const { state } = this;
    state.selected = more ? [...new Set([number, ...state.selected])] : [number];
    state.emit("faces");
  }
}
