/** The lists of the page: filters, pages and items. */

import { ask } from "./actions.js";
import { byId, keepFocus, setText } from "./elements.js";
import { grouped } from "./words.js";

export const NAMES = ["interviews", "calls", "organizations", "emails", "webhooks"];
const REFRESH = 500; // milliseconds between two requests for the same list

/** The filters of all lists. */
export const filters = { text: "", customer: "" };

const lists = Object.fromEntries(NAMES.map((name) => [name, {
  own: {},       // the filters of this list only: status, operation
  anchors: [],   // the number below which each page so far began; empty on the first page
  page: null,    // the sandbox's response
  asked: "",     // the query of that page
  turned: false, // whether the person turned the page, which screen readers announce once it is shown
  askedAt: 0, running: false, stale: false,
}]));

let snapshot = null;
let onPage = () => {};

export function startLists(renderList) {
  onPage = renderList;
  for (const name of NAMES) {
    const pager = byId(`panel-${name}`).querySelector(".pager");
    for (const button of pager.querySelectorAll("button")) {
      button.addEventListener("click", () => button.ariaDisabled !== "true" && turn(name, Number(button.value)));
    }
  }
}

export const isFiltered = (name) => Boolean(filters.text || filters.customer || Object.values(lists[name].own).some(Boolean));
export const ownFilter = (name, field) => lists[name].own[field] ?? "";

const isPlain = (name) => !isFiltered(name) && lists[name].anchors.length === 0;

function queryOf(name) {
  const { own, anchors } = lists[name];
  const given = { ...filters, ...own, before: anchors.at(-1) };
  return new URLSearchParams(Object.entries(given).filter(([, value]) => value)).toString();
}

export const totalOf = (name) => snapshot?.[name].total ?? 0;

/** Return the items to show, and the number of matching items. */
export function pageOf(name) {
  return isPlain(name) ? snapshot[name] : lists[name].page ?? { items: [], total: 0, newer: 0, isLoading: true };
}

/** Store a new snapshot, and request the lists that have filters. */
export function updateLists(latest) {
  snapshot = latest;
  NAMES.forEach(request);
}

/** Change a filter of one list or of all lists. */
export function filterBy(name, changed) {
  Object.assign(name ? lists[name].own : filters, changed);
  for (const one of name ? [name] : NAMES) {
    lists[one].anchors = [];
    request(one);
    onPage(one);
  }
}

function turn(name, direction) {
  const { anchors } = lists[name];
  if (direction < 0) anchors.pop();
  else anchors.push(pageOf(name).items.at(-1).number);
  lists[name].turned = true;
  request(name);
  onPage(name);
  byId(`panel-${name}`).querySelector(".scroll").scrollTop = 0;
}

async function request(name) {
  const list = lists[name];
  const query = queryOf(name);
  if (isPlain(name)) return;
  if (list.running) { list.stale = true; return; }
  list.running = true;
  const pause = list.asked === query ? Math.max(0, list.askedAt + REFRESH - performance.now()) : 0;
  if (pause) await new Promise((done) => { setTimeout(done, pause); });
  Object.assign(list, { stale: false, asked: queryOf(name), askedAt: performance.now() });
  try {
    const page = await ask("GET", `lists/${name}?${list.asked}`);
    if (list.asked === queryOf(name)) list.page = page;
  } catch {
    // the connection's state shows that the sandbox does not respond
  } finally {
    list.running = false;
  }
  keepFocus(() => onPage(name));
  if (list.stale || (!isPlain(name) && list.asked !== queryOf(name))) request(name);
}

/** Write the counts, the pages and the empty state of a panel. */
export function renderPanel(name) {
  const panel = byId(`panel-${name}`);
  const { items, total, newer, isLoading } = pageOf(name);
  const all = snapshot[name].total;
  setText(panel.querySelector(".count"), isFiltered(name) && !isLoading ? `${grouped(total)} of ${grouped(all)}` : grouped(all));
  panel.querySelector(".scroll").hidden = items.length === 0;
  panel.querySelector(".empty:not(.none)").hidden = all > 0;
  const none = panel.querySelector(".none");
  none.hidden = all === 0 || items.length > 0 || Boolean(isLoading);
  renderPager(panel.querySelector(".pager"), lists[name], items.length, total, newer);
}

function renderPager(pager, list, shown, total, newer) {
  const range = `${grouped(newer + 1)}–${grouped(newer + shown)} of ${grouped(total)}`;
  pager.hidden = total <= shown;
  setText(pager.querySelector(".range"), range);
  if (list.turned && !list.running) {
    list.turned = false;
    setText(byId("matches"), range);
  }
  // `disabled` would remove the keyboard focus
  pager.querySelector(".newer").ariaDisabled = String(newer === 0);
  pager.querySelector(".older").ariaDisabled = String(newer + shown >= total);
}
