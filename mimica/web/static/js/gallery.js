// The pane "Gallery": what was made, kept by the browser until the page is closed; nothing is on a disk unless it is saved.

import { byId, download, el } from "./ui.js";
import { zip } from "./zip.js";

export class Gallery {
  constructor(root) {
    this.root = root;
    this.items = [];
    this.made = 0;
    this.draw();
  }

  add(blob, name) {
    this.made += 1;
    const [stem, suffix] = name.split(/\.(?=\w+$)/);
    this.items.unshift({ blob, name: `mimica-${stem}-${this.made}.${suffix}`, url: URL.createObjectURL(blob) });
    this.draw();
  }

  remove(item) {
    URL.revokeObjectURL(item.url);
    this.items = this.items.filter((one) => one !== item);
    this.draw();
  }

  draw() {
    byId("gallery-count").hidden = !this.items.length;
    byId("gallery-count").textContent = this.items.length;
    if (!this.items.length) {
      this.root.replaceChildren(el("p.empty", {}, "Pictures and videos that you make are kept here until you close the page."));
      return;
    }
    const all = el("button.button", { type: "button", id: "download-all", onclick: async () => download(await zip(this.items), "mimica.zip") }, "Save all as zip");
    this.root.replaceChildren(
      el("div.section-head", {}, el("h2", {}, this.items.length === 1 ? "One result" : `${this.items.length} results`), el("span.spring"), all),
      el("div.tiles", {}, ...this.items.map((item) => this.tile(item))),
      el("p.fine", {}, "Nothing here is on a disk unless you save it. Every file says that it was edited with Mimica."),
    );
  }

  tile(item) {
    const moving = item.blob.type.startsWith("video/");
    const view = moving
      ? el("video", { src: item.url, muted: true, loop: true, playsinline: true, controls: true, "aria-label": item.name })
      : el("img", { src: item.url, alt: item.name });
    if (moving) view.muted = true;
    const save = el("a.quiet", { href: item.url, download: item.name, "aria-label": `Save ${item.name}` }, "Save");
    const drop = el("button.quiet", { type: "button", "aria-label": `Remove ${item.name}`, onclick: () => this.remove(item) }, "Remove");
    return el("div.tile", {}, view, el("span.tile-name", {}, item.name), el("div.row", {}, save, drop));
  }
}
