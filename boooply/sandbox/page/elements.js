/** Functions that find, create and update elements of the page. */

import { hms } from "./times.js";

export const byId = (id) => document.getElementById(id);

/** Create an element; texts among the children are never markup. */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  const { data = {}, ...rest } = properties;
  Object.assign(node, rest);
  Object.assign(node.dataset, data);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function makeButton(label, onClick, properties = {}) {
  const node = make("button", { type: "button", ...properties }, label);
  node.addEventListener("click", () => onClick(node));
  return node;
}

/** Return a function that creates rows of a template, for `reconcile`; `fields` has the row's elements by data-field. */
export const rowOf = (template, update, prepare) => (item) => {
  const node = byId(template).content.firstElementChild.cloneNode(true);
  const fields = Object.fromEntries([...node.querySelectorAll("[data-field]")].map((field) => [field.dataset.field, field]));
  prepare?.(item, fields, node);
  return { node, update: (latest) => update(latest, fields, node) };
};

// Writing only changes keeps a text selection.
export function setText(node, text) {
  if (node.textContent !== String(text ?? "")) node.textContent = text ?? "";
}

export const write = (fields, texts) => Object.entries(texts).forEach(([name, text]) => setText(fields[name], text));

export function setBadge(node, text, tone = "") {
  setText(node, text);
  node.className = `badge ${tone}`;
}

export function setTime(node, iso, format = hms) {
  node.dateTime = node.title = iso;
  setText(node, format(new Date(iso)));
}

// ---- Keyed lists: a row remains as long as its key, with its focus and its open <details>
const views = new WeakMap();

/** Update the children of `parent` to show `items`; `create` returns a view, {node, update(item)}. */
export function reconcile(parent, items, keyOf, create) {
  const before = views.get(parent);
  const after = new Map();
  items.forEach((item, place) => {
    const key = keyOf(item, place);
    after.set(key, before?.get(key) ?? create(item));
    if (before && !before.has(key)) after.get(key).node.classList.add("fresh");
  });
  before?.forEach((view, key) => after.has(key) || view.node.remove());
  let cursor = parent.firstElementChild;
  items.forEach((item, place) => {
    const view = after.get(keyOf(item, place));
    if (view.node === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(view.node, cursor);
    view.update(item);
  });
  views.set(parent, after);
}

/** If the focused element disappears, focus its row or its panel, and never a button with another effect. */
export function keepFocus(render) {
  const active = document.activeElement;
  const trail = [];
  for (let node = active; node && node !== document.body; node = node.parentElement) trail.push(node);
  render();
  const visible = (node) => node.isConnected && node.getClientRects().length > 0;
  const home = trail.find((node) => visible(node) && (node === active || node.hasAttribute("tabindex")));
  if (home && home !== document.activeElement) home.focus({ preventScroll: true });
}
