// Small things that every part of the page uses: elements, messages, tabs, colours.

/** An element: el("button.chip", {type: "button", onclick}, "text", child ...). */
export function el(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** A sentence at the bottom of the page for some seconds; errors stay longer. */
export function tell(sentence, bad = false) {
  const toast = el(bad ? "div.toast.bad" : "div.toast", {}, sentence);
  byId("toasts").append(toast);
  while (byId("toasts").children.length > 3) byId("toasts").firstChild.remove();
  setTimeout(() => toast.remove(), bad ? 9000 : 4000);
}

let waiting = 0;
/** Shows that something goes on until the promise is settled; an error is told and gives undefined. */
export async function busy(promise) {
  waiting += 1;
  byId("busy").hidden = false;
  try {
    return await promise;
  } catch (error) {
    tell(error.message, true);
    return undefined;
  } finally {
    waiting -= 1;
    byId("busy").hidden = waiting === 0;
  }
}

/** Tabs by the ARIA pattern: arrows move, the chosen pane is shown. */
export function tabs(list, onchange) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const choose = (tab, focus) => {
    for (const one of all) {
      const chosen = one === tab;
      one.setAttribute("aria-selected", String(chosen));
      one.tabIndex = chosen ? 0 : -1;
      byId(one.getAttribute("aria-controls")).hidden = !chosen;
    }
    if (focus) tab.focus();
    onchange(tab.getAttribute("aria-controls"));
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) choose(tab, false);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
    choose(all[(at + step + all.length) % all.length], true);
    event.preventDefault();
  });
  return (name) => choose(all.find((one) => one.getAttribute("aria-controls") === name), false);
}

/** Dark or light: as the system has it, until somebody chooses. */
export function theme(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = localStorage.getItem("mimica-theme") ?? (system.matches ? "dark" : "light");
    document.documentElement.dataset.theme = chosen;
  };
  system.addEventListener("change", apply);
  button.addEventListener("click", () => {
    localStorage.setItem("mimica-theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    apply();
  });
  apply();
}

/** A group of buttons of which one is pressed. */
export function segments(label, options, chosen, onchange) {
  const box = el("div.segments", { role: "group", "aria-label": label });
  for (const [value, words] of options) {
    box.append(el("button", { type: "button", "aria-pressed": String(value === chosen), "data-value": value, onclick: () => choose(value) }, words));
  }
  const choose = (value) => {
    for (const one of box.children) one.setAttribute("aria-pressed", String(one.dataset.value === value));
    onchange(value);
  };
  return box;
}

export function toggle(words, checked, onchange, id) {
  return el("label.switch", {}, el("input", { type: "checkbox", checked, id, onchange: (event) => onchange(event.target.checked) }), words);
}

export function field(words, input) {
  return el("label.field", {}, el("span", {}, words), input);
}

export function select(options, chosen, attributes = {}) {
  const box = el("select", attributes);
  for (const [value, words] of options) box.append(el("option", { value, selected: value === chosen }, words));
  return box;
}

export function download(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** A picked file, or undefined. */
export function pick(accept) {
  return new Promise((resolve) => {
    const input = el("input", { type: "file", accept, onchange: () => resolve(input.files[0]) });
    input.addEventListener("cancel", () => resolve(undefined));
    input.click();
  });
}
