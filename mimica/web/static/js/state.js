// What the page knows: the photo, its faces, how far each control is moved, and what can be undone.

/** Events: "photo", "engine", "faces", "changes" (detail {done}: false while a slider is being dragged), "history". */
export class State extends EventTarget {
  constructor() {
    super();
    this.session = null; // of /api/session
    this.expressions = {}; // name -> controls at full intensity
    this.photo = null; // of /api/photos
    this.engine = "ganimation";
    this.controls = []; // the engine's, described
    this.own = {}; // face -> control -> what the photo shows
    this.selected = []; // numbers of the faces that sliders move
    this.changes = {}; // face -> control -> change
    this.past = [];
    this.future = [];
  }

  emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  setPhoto(photo) {
    this.photo = photo;
    this.own = {};
    this.changes = {};
    this.selected = photo.largest ? [photo.largest] : [];
    this.past = [];
    this.future = [];
    this.emit("photo");
    this.emit("history");
  }

  /** The face whose values the sliders show. */
  get face() {
    return this.selected[0];
  }

  ownOf(face = this.face) {
    return this.own[face] ?? {};
  }

  /** The change of a control of the shown face. */
  change(name, face = this.face) {
    return this.changes[face]?.[this.keyOf(name, face)] ?? 0;
  }

  /** Under which name a control is changed: that of a drawn attribute carries what was chosen, "glasses:round,gold". */
  keyOf(name, face = this.face) {
    return Object.keys(this.changes[face] ?? {}).find((key) => key.split(":")[0] === name) ?? name;
  }

  /** Legal changes of a control: [low, high]; 0 is the photo. */
  range(control, face = this.face) {
    if (control.relative) return [control.low, control.high];
    const own = this.ownOf(face)[control.name] ?? 0;
    return [Math.min(0, control.low - own), Math.max(0, control.high - own)];
  }

  /** Moves controls of all selected faces; `done` at the end of a drag. */
  move(values, done) {
    for (const face of this.selected) {
      const changed = { ...this.changes[face] };
      for (const [name, value] of Object.entries(values)) {
        const control = this.byName(name);
        if (!control) continue;
        const [low, high] = this.range(control, face);
        const kept = Math.min(high, Math.max(low, value));
        if (Math.abs(kept) < 1e-4) delete changed[name];
        else changed[name] = Math.round(kept * 1e4) / 1e4;
      }
      this.changes[face] = changed;
    }
    if (done) this.remember();
    this.emit("changes", { done });
  }

  /** Sets all controls of the selected faces, others back to the photo. */
  replace(values, done = true) {
    const all = Object.fromEntries(this.controls.map((control) => [this.keyOf(control.name), 0]));
    this.move({ ...all, ...values }, done);
  }

  byName(name) {
    return this.controls.find((control) => control.name === name.split(":")[0]);
  }

  /** Absolute Action Units (and changes of pose) -> changes from what the shown face shows, by the engine's controls. */
  fromAbsolute(target, part = 1) {
    const values = {};
    const own = this.ownOf();
    for (const control of this.controls) {
      if (control.group === "attributes") continue;
      let wanted = target[control.name];
      if (wanted === undefined && !control.side) {
        const sides = [target[control.base + "L"], target[control.base + "R"]].filter((value) => value !== undefined);
        if (sides.length) wanted = sides.reduce((sum, value) => sum + value, 0) / sides.length;
      }
      wanted ??= target[control.base];
      if (wanted !== undefined) values[control.name] = part * (wanted - (control.relative ? 0 : own[control.name] ?? 0));
    }
    return values;
  }

  /** What the server renders: every face that was touched, and the selected ones. */
  get frame() {
    const faces = new Set([...this.selected, ...Object.keys(this.changes).filter((f) => Object.keys(this.changes[f]).length).map(Number)]);
    return {
      photo: this.photo.photo,
      engine: this.engine,
      faces: [...faces].sort((a, b) => a - b).map((face) => ({ face, changes: this.changes[face] ?? {} })),
    };
  }

  get moved() {
    return Object.values(this.changes).some((values) => Object.keys(values).length > 0);
  }

  // --- undo ---

  snapshot() {
    return JSON.stringify(this.changes);
  }

  remember() {
    const now = this.snapshot();
    if (now === (this.past.at(-1) ?? "{}")) return;
    this.past.push(now);
    if (this.past.length > 200) this.past.shift();
    this.future = [];
    this.emit("history");
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(this.past.pop());
    this.restore(this.past.at(-1) ?? "{}");
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(this.future.pop());
    this.restore(this.past.at(-1));
  }

  restore(text) {
    this.changes = JSON.parse(text);
    this.emit("history");
    this.emit("changes", { done: true });
  }
}
