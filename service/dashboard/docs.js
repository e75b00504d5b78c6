// Shows the API's own description. Nothing is loaded from elsewhere.

import { request } from "./api.js";

function element(name, { text, children = [], ...attributes } = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Says what a schema is, in one line.
function typeOf(schema = {}) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.type === "array") return `list of ${typeOf(schema.items)}`;
  return schema.type ?? "any";
}

function fields(entries) {
  return element("dl", {
    children: entries.flatMap(([name, type, description]) => [
      element("dt", { children: [element("code", { text: name })] }),
      element("dd", { text: description ? `${type}. ${description}` : type }),
    ]),
  });
}

function contentTypes(content = {}) {
  return Object.entries(content).map(([media, { schema }]) => `${typeOf(schema)} (${media})`).join(", ");
}

function operation(path, method, { summary, description, parameters = [], requestBody, responses }) {
  const parts = [
    element("h3", { children: [element("span", { class: "method", text: method.toUpperCase() }), path] }),
    element("p", { text: description ?? summary }),
  ];
  const rows = parameters.map(({ name, schema, required, description: what }) => (
    [`?${name}`, typeOf(schema) + (required ? ", needed" : ""), what]
  ));
  if (requestBody) rows.push(["body", contentTypes(requestBody.content)]);
  for (const [status, { content }] of Object.entries(responses)) {
    if (content && !/X/.test(status)) rows.push([status, contentTypes(content)]);
  }
  parts.push(fields(rows));
  return element("div", { class: "operation", children: parts });
}

function model(name, { description, properties = {} }) {
  const rows = Object.entries(properties).map(([key, schema]) => [key, typeOf(schema), schema.description]);
  return element("div", {
    class: "operation",
    children: [element("h3", { text: name }), element("p", { text: description ?? "" }), fields(rows)],
  });
}

function section(title, children) {
  return element("section", { children: [element("h2", { text: title }), ...children] });
}

const api = await (await request("openapi.json")).json();
document.getElementById("about").textContent = `${api.info.version}. ${api.info.description}`;
document.getElementById("content").replaceChildren(
  section("Paths", Object.entries(api.paths).flatMap(([path, methods]) => (
    Object.entries(methods).map(([method, what]) => operation(path, method, what))
  ))),
  section("Models", Object.entries(api.components.schemas).map(([name, schema]) => model(name, schema))),
);
