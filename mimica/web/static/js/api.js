// The documentation of the programming interface, drawn from its own description.

import { getJson } from "./net.js";
import { byId, el } from "./ui.js";

const description = await getJson("/api/openapi.json");
for (const [path, methods] of Object.entries(description.paths)) {
  for (const [method, one] of Object.entries(methods)) {
    const body = one.requestBody?.content?.["application/json"];
    const fields = Object.entries(body?.schema?.properties ?? {});
    const rows = fields.map(([name, field]) => el("tr", {}, el("td", {}, el("code", {}, name)), el("td", {}, [field.description, field.default === undefined || field.default === null ? "" : `(default ${field.default})`].filter(Boolean).join(" "))));
    const { photo, ...words } = body?.example ?? {};
    const form = Object.entries(words).map(([name, value]) => ` -F ${name}=${value}`).join("");
    const curl = body ? `curl -F photo=@photo.jpg${form} ${location.origin}${path}` : `curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${location.origin}${path}`;
    byId("api").append(el("article", {}, el("h2", {}, el("b", {}, method.toUpperCase()), path), el("p", {}, one.summary ?? ""), rows.length ? el("table", {}, el("tbody", {}, ...rows)) : null, el("pre", { tabindex: "0" }, curl)));
  }
}
