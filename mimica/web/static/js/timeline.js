// Keyframes on a line: drag them, choose one to change it with the sliders, move the playhead.

import { el } from "./ui.js";

/** Events: "changed" (keyframes), "seek" (detail {time}), "chosen". */
export class Timeline extends EventTarget {
  constructor() {
    super();
    this.keys = [];
    this.chosen = null;
    this.seconds = 3;
    this.time = 0;
    this.root = el("div.timeline", { id: "timeline", role: "group", "aria-label": "Timeline" });
    this.head = el("div.playhead");
    this.root.addEventListener("pointerdown", (event) => this.scrub(event));
    new ResizeObserver(() => this.draw()).observe(this.root);
  }

  get span() {
    return Math.max(this.seconds, 1) * 1.08;
  }

  left(time) {
    return 16 + (time / this.span) * (this.root.clientWidth - 32);
  }

  timeAt(x) {
    const box = this.root.getBoundingClientRect();
    return Math.max(0, ((x - box.left - 16) / (box.width - 32)) * this.span);
  }

  draw() {
    const step = [0.25, 0.5, 1, 2, 5, 10, 30, 60].find((one) => this.span / one <= 9) ?? 120;
    const marks = [];
    for (let at = 0; at <= this.span; at += step) {
      const mark = el("div.tick", {}, el("span", {}, `${Number(at.toFixed(2))} s`));
      mark.style.left = `${this.left(at)}px`;
      marks.push(mark);
    }
    this.root.replaceChildren(...marks, ...this.keys.map((key) => this.diamond(key)), this.head);
    this.moveHead(this.time);
  }

  moveHead(time) {
    this.time = time;
    this.head.style.left = `${this.left(time)}px`;
  }

  diamond(key) {
    const button = el("button.key", {
      type: "button", "aria-pressed": String(key === this.chosen), "aria-label": `Keyframe at ${key.time.toFixed(2)} s`,
      onkeydown: (event) => this.key(key, event),
    });
    button.style.left = `${this.left(key.time)}px`;
    button.addEventListener("pointerdown", (event) => this.drag(key, event));
    button.addEventListener("click", (event) => { if (event.detail === 0) this.choose(key); });
    return button;
  }

  key(key, event) {
    const step = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.key];
    if (step) this.shift(key, key.time + step);
    else if (event.key === "Delete" || event.key === "Backspace") this.remove(key);
    else return;
    event.preventDefault();
    this.root.querySelector(".key[aria-pressed=true]")?.focus();
    this.emit("changed");
  }

  drag(key, event) {
    event.stopPropagation();
    this.choose(key);
    let moved = false;
    const move = (at) => { moved = true; this.shift(key, this.timeAt(at.clientX)); };
    const up = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      if (moved) this.emit("changed");
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
  }

  scrub(event) {
    if (event.target.closest(".key")) return;
    const seek = (at) => this.emit("seek", { time: Math.min(this.timeAt(at.clientX), this.seconds) });
    seek(event);
    const up = () => { removeEventListener("pointermove", seek); removeEventListener("pointerup", up); };
    addEventListener("pointermove", seek);
    addEventListener("pointerup", up);
  }

  shift(key, time) {
    key.time = Math.round(Math.min(600, Math.max(0, time)) * 20) / 20;
    this.sort();
    this.draw();
  }

  sort() {
    this.keys.sort((a, b) => a.time - b.time);
    this.seconds = Math.max(0.5, this.keys.at(-1)?.time ?? 3);
  }

  add(time, changes, easing = "ease") {
    const key = { time: Math.round(time * 20) / 20, changes, easing };
    this.keys = [...this.keys.filter((one) => Math.abs(one.time - key.time) > 0.01), key];
    this.chosen = key;
    this.sort();
    this.draw();
    this.emit("changed");
  }

  choose(key) {
    this.chosen = key;
    this.draw();
    this.emit("chosen");
  }

  remove(key = this.chosen) {
    this.keys = this.keys.filter((one) => one !== key);
    this.chosen = null;
    this.sort();
    this.draw();
    this.emit("changed");
  }

  emit(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
