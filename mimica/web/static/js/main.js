// The page: gets a photo, wires the parts together.

import { DrivePane } from "./drive.js";
import { FacePane } from "./face.js";
import { Gallery } from "./gallery.js";
import { MakePane } from "./make.js";
import { getJson, Socket } from "./net.js";
import { Renderer } from "./render.js";
import { Stage } from "./stage.js";
import { State } from "./state.js";
import { TimePane } from "./time.js";
import { busy, byId, tabs, tell, theme } from "./ui.js";

const state = new State();
let chooseTab;

async function main() {
  theme(byId("theme"));
  [state.session, state.expressions] = await Promise.all([getJson("/api/session"), getJson("/api/expressions").then((all) => all.expressions)]);
  const socket = new Socket(state.session.socket_key);
  socket.addEventListener("lost", () => tell("The connection to Mimica is lost. If it was started again, load the page again.", true));
  const stage = new Stage(state);
  const renderer = new Renderer(state, socket, stage);
  const gallery = new Gallery(byId("gallery"));
  const face = new FacePane(state, socket, byId("face"), gallery);
  const panes = {
    time: new TimePane(state, socket, stage, renderer, gallery, byId("time")),
    drive: new DrivePane(state, socket, stage, renderer, gallery, byId("drive")),
    make: new MakePane(state, gallery, byId("make"), useEngine),
    face,
  };
  wireTabs(panes);
  wirePhotos();
  wireUndo();
  if (new URLSearchParams(location.search).has("open")) await openExample();
  document.documentElement.dataset.ready = "1";
}

function wireTabs(panes) {
  let open = "face";
  chooseTab = tabs(document.querySelector("[role=tablist]"), (name) => {
    if (name === open) return;
    panes[open]?.leave?.();
    open = name;
    panes[name]?.enter?.();
  });
  state.addEventListener("photo", () => {
    const wanted = location.hash.slice(1);
    chooseTab(wanted in panes || wanted === "gallery" ? wanted : "face");
    if (state.photo.largest) panes[open]?.enter?.();
  });
}

// --- photos ---

async function open(promise) {
  const photo = await busy(promise);
  if (!photo) return;
  byId("welcome").hidden = true;
  byId("studio").hidden = false;
  byId("another").hidden = false;
  state.setPhoto(photo);
  await readOwn();
}

const openFile = (file) => {
  if (file.size > state.session.max_upload_bytes) {
    tell(`The photo has ${(file.size / 1e6).toFixed(0)} MB; at most ${(state.session.max_upload_bytes / 1e6).toFixed(0)} MB can be sent: make it smaller.`, true);
    return undefined;
  }
  return open(getJson("/api/photos", { method: "POST", file }));
};
const openExample = () => open(getJson("/api/photos/example", { method: "POST" }));

function wirePhotos() {
  byId("file").addEventListener("change", (event) => {
    if (event.target.files[0]) openFile(event.target.files[0]);
    event.target.value = "";
  });
  byId("example").addEventListener("click", openExample);
  byId("another").addEventListener("click", () => byId("file").click());
  addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (file) openFile(file);
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    addEventListener(name, (event) => {
      event.preventDefault();
      for (const id of ["dropzone", "view"]) byId(id).classList.toggle("over", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
    });
  }
}

/** What the chosen faces show, by the engine's controls; then the sliders can be drawn. */
async function readOwn() {
  if (!state.selected.length) {
    tell(state.photo.faces[0].refusal, true);
    return;
  }
  const engine = await busy(getJson(`/api/engines/${state.engine}`));
  if (!engine) {
    if (state.engine !== "ganimation") await useEngine("ganimation");
    return;
  }
  state.controls = engine.controls;
  await readFaces();
  state.emit("engine");
  state.emit("changes", { done: true });
}

async function readFaces() {
  const missing = state.selected.filter((face) => !state.own[face]);
  for (const face of missing) {
    const found = await busy(getJson(`/api/photos/${state.photo.photo}/own?face=${face}&engine=${state.engine}`));
    if (found) state.own[face] = found.controls;
  }
  return missing.length > 0;
}

state.addEventListener("faces", async () => {
  if (await readFaces()) state.emit("faces");
});

async function useEngine(name) {
  const before = state.engine;
  state.engine = name;
  state.own = {};
  state.changes = {};
  if (!state.photo) return;
  await readOwn();
  if (state.engine !== before) {
    state.past = [];
    state.emit("history");
    if (name !== "ganimation") chooseTab("face");
  }
}

// --- undo ---

function wireUndo() {
  byId("undo").onclick = () => state.undo();
  byId("redo").onclick = () => state.redo();
  state.addEventListener("history", () => {
    byId("undo").disabled = !state.past.length;
    byId("redo").disabled = !state.future.length;
  });
  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.closest("textarea, input[type=number], input.text")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) state.redo();
    else state.undo();
  });
}

main().catch((error) => tell(error.message, true));
