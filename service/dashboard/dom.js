// Builds elements. Text only ever becomes text, never markup.

export const byId = (id) => document.getElementById(id);

export function element(name, { text, children = [], ...attributes } = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function span(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.max(0, Math.floor(seconds))} s`;
}

export const percent = (ratio) => `${Math.round(ratio * 100)} %`;

// On a phone rows are laid out as blocks, which takes their meaning away from assistive technology unless it is said.
export const row = (children) => element("tr", { role: "row", children });
export const cell = (label, content) => element("td", { role: "cell", "data-label": label, ...content });
export const head = (scope, text) => element("th", { role: scope === "row" ? "rowheader" : "columnheader", scope, text });
