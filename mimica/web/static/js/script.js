// The script editor: the server's own parser reads along, its message stands below, the place is underlined.

import { el } from "./ui.js";

const FIRST = `happy 80% over 0.5s
hold 0.8s
blink
surprised over 0.4s
hold 0.6s
photo over 0.8s
`;

/** Emits "script" (detail {text, ok}) once the parser has answered. */
export class ScriptEditor extends EventTarget {
  constructor(socket) {
    super();
    this.socket = socket;
    this.ok = false;
    this.asked = 0;
    this.area = el("textarea", { id: "script", spellcheck: "false", "aria-label": "Script", "aria-describedby": "verdict", rows: "8" });
    this.area.value = FIRST;
    this.shadow = el("pre", { "aria-hidden": "true" });
    this.verdict = el("p.verdict", { id: "verdict", role: "status" });
    this.box = el("div.editor", {}, this.shadow, this.area);
    this.area.addEventListener("input", () => this.check());
    this.area.addEventListener("scroll", () => { this.shadow.scrollTop = this.area.scrollTop; });
    socket.addEventListener("script", (event) => this.received(event.detail.header));
  }

  get text() {
    return this.area.value;
  }

  set text(words) {
    this.area.value = words;
    this.check();
  }

  check() {
    this.ok = false;
    this.shadow.replaceChildren();
    this.asked = this.socket.send({ type: "script", text: this.text });
  }

  received(found) {
    if (found.seq < this.asked) return;
    this.ok = found.ok;
    this.box.classList.toggle("wrong", !found.ok);
    this.verdict.classList.toggle("wrong", !found.ok);
    this.area.setAttribute("aria-invalid", String(!found.ok));
    this.verdict.textContent = found.ok ? `Understood: ${found.seconds.toFixed(1)} s` : found.message.replace(/^the script, /, "");
    if (!found.ok) this.underline(found.line, found.column);
    this.dispatchEvent(new CustomEvent("script", { detail: { text: this.text, ...found } }));
  }

  /** The word at a line and column, both from 1; at the end of a line the word before it. */
  underline(line, column) {
    const lines = this.text.split("\n");
    const row = lines[line - 1] ?? "";
    let start = Math.min(column - 1, row.length);
    if (start >= row.length) start = Math.max(0, row.search(/\S+\s*$/));
    const length = Math.max(1, row.slice(start).search(/[\s;{}]|$/));
    const before = lines.slice(0, line - 1).join("\n") + (line > 1 ? "\n" : "") + row.slice(0, start);
    this.shadow.replaceChildren(before, el("mark", {}, row.slice(start, start + length) || " "));
    this.shadow.scrollTop = this.area.scrollTop;
  }
}
