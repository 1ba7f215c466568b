// Curves of a track: one line a control, over time, drawn by the browser.

import { el } from "./ui.js";

const [WIDTH, STRIP, LEFT, MOST] = [380, 40, 104, 12];
const SAME = 0.08; // two sides that differ by no more are drawn as one
const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

/** `curves`: control -> values at even times. `label` names a control's base in words. */
export function drawCurves(curves, label) {
  const strips = new Map();
  for (const name of Object.keys(curves)) {
    const base = /^AU\d\d[LR]$/.test(name) ? name.slice(0, -1) : name;
    strips.set(base, [...(strips.get(base) ?? []), name]);
  }
  const shown = [...strips].slice(0, MOST);
  if (!shown.length) return el("p.fine", {}, "Nothing moves yet.");
  const height = STRIP * shown.length + 8;
  const words = `Curves of ${shown.map(([base]) => label(base)).join(", ")}`;
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, class: "curves", role: "img", "aria-label": words });
  shown.forEach(([base, names], row) => strip(picture, base, names, row * STRIP + 4, curves, label));
  const more = strips.size > MOST ? el("p.fine", {}, `and ${strips.size - MOST} more`) : null;
  const key = el("p.curve-key", {});
  for (const [colour, text] of [["--left", "left"], ["--right", "right"], ["--ink", "both"]]) {
    const line = el("i");
    line.style.background = `var(${colour})`;
    key.append(el("span", {}, line, text));
  }
  return el("div", {}, picture, key, more);
}

function strip(picture, base, names, top, curves, label) {
  const values = names.flatMap((name) => curves[name]);
  const unit = base.startsWith("AU");
  const reach = Math.max(1e-3, ...values.map(Math.abs));
  const [low, high] = unit ? [Math.min(0, ...values) < -0.01 ? -1 : 0, 1] : [-reach, reach];
  const y = (value) => top + STRIP - 6 - ((value - low) / (high - low)) * (STRIP - 12);
  picture.append(svg("line", { x1: LEFT, x2: WIDTH - 8, y1: y(0), y2: y(0), stroke: "var(--line)" }));
  picture.append(svg("text", { x: 8, y: top + STRIP / 2 + 3, "font-size": 10.5, fill: "var(--soft)", stroke: "none" }, label(base)));
  const twin = names.length > 1 && curves[names[0]].every((value, i) => Math.abs(value - curves[names[1]][i]) < SAME);
  for (const name of twin ? names.slice(0, 1) : names) {
    const line = curves[name].map((value, i, all) => `${i ? "L" : "M"}${(LEFT + (i / (all.length - 1)) * (WIDTH - LEFT - 8)).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    const colour = twin || names.length === 1 && !/[LR]$/.test(name) ? "--ink" : name.endsWith("L") ? "--left" : "--right";
    picture.append(svg("path", { d: line, fill: "none", stroke: `var(${colour})`, "stroke-width": 1.6 }));
  }
}
