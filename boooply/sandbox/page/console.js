/** The page: it draws the sandbox's snapshots, and handles the forms. */

import { act, copy, say } from "./actions.js";
import { byId, keepFocus, reconcile, rowOf, setText, setTime, write } from "./elements.js";
import { refresh, renderSteps, startInspector } from "./inspector.js";
import { renderInterviews } from "./interviews.js";
import { filterBy, filters, isFiltered, NAMES, ownFilter, pageOf, startLists, updateLists } from "./lists.js";
import { endpointUrl, fillSelect, renderLimits, renderLists, renderWebhooks } from "./rows.js";
import { day, sandboxNow, setNow } from "./times.js";
import { CALL_STATUSES, count, DELIVERY_STATES, grouped } from "./words.js";

const SELECTS = { "calls-status": ["calls", "status"], "calls-operation": ["calls", "operation"], "webhooks-status": ["webhooks", "status"] };

let snapshot = null;
let live = false;

// ---- Filters
function fillFilters() {
  const same = (values) => values.map((value) => [value, value]);
  fillSelect(byId("customer"), "All customers", same(snapshot.customers));
  fillSelect(byId("calls-status"), "Any status", CALL_STATUSES);
  fillSelect(byId("calls-operation"), "Any operation", same(snapshot.operations));
  fillSelect(byId("webhooks-status"), "Any state", same(Object.keys(DELIVERY_STATES)));
}

/** The filters are part of the URL, so that reloads and links keep them. */
function readAddress() {
  const given = new URLSearchParams(location.search);
  Object.assign(filters, { text: given.get("text") ?? "", customer: given.get("customer") ?? "" });
  byId("search").value = filters.text;
}

function writeAddress() {
  const given = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
  history.replaceState(history.state, "", `${location.pathname}${given.size ? `?${given}` : ""}${location.hash}`);
}

function showFilters() {
  // the list can lack the customer of the URL
  if (filters.customer && ![...byId("customer").options].some(({ value }) => value === filters.customer)) {
    byId("customer").append(new Option(filters.customer, filters.customer));
  }
  byId("customer").value = filters.customer;
  if (document.activeElement !== byId("search")) byId("search").value = filters.text;
  for (const [id, [name, field]] of Object.entries(SELECTS)) byId(id).value = ownFilter(name, field);
  byId("unfilter").hidden = !NAMES.some(isFiltered);
}

function changeFilter(name, changed) {
  filterBy(name, changed);
  writeAddress();
  if (snapshot) keepFocus(render);
  announceMatches();
}

function clearFilters() {
  byId("search").value = "";
  NAMES.forEach((name) => filterBy(name, { status: "", operation: "" }));
  changeFilter(null, { text: "", customer: "" });
  byId("search").focus();
}

let announcing;

/** Announce the number of matches to screen readers, once typing has stopped. */
function announceMatches() {
  clearTimeout(announcing);
  if (!filters.text && !filters.customer) return setText(byId("matches"), "");
  announcing = setTimeout(() => {
    const nouns = { interviews: "interview", calls: "call", webhooks: "webhook", emails: "e-mail" };
    const found = Object.entries(nouns).map(([name, noun]) => count(pageOf(name).total, noun));
    setText(byId("matches"), `Found: ${found.join(", ")}`);
  }, 700);
}

// ---- Faults and clock
const option = (value, label = value) => ({ node: new Option(label, value), update() {} });

const plannedRow = rowOf("planned-row", ({ operation, fault, times }, fields) => {
  write(fields, { what: `${operation} → ${fault}`, times: times === null ? "every time" : count(times, "time") });
});

function renderMeaning() {
  const kind = snapshot?.faults.kinds.find(({ name }) => name === byId("fault").value);
  setText(byId("meaning"), kind?.meaning ?? "");
}

function renderFaults() {
  const { planned, operations, kinds } = snapshot.faults;
  reconcile(byId("operation"), operations, (name) => name, (name) => option(name, name === "*" ? "* (every operation)" : name));
  reconcile(byId("fault"), kinds, (kind) => kind.name, (kind) => option(kind.name));
  renderMeaning();
  setText(byId("planned-note"), planned.length ? "Planned, in this order" : "No faults planned.");
  reconcile(byId("planned"), planned, (fault, place) => place, plannedRow);
  byId("clear").hidden = planned.length === 0;
}

function renderClock() {
  const now = new Date(sandboxNow());
  setTime(byId("clock"), now.toISOString());
  setText(byId("date"), `${day.format(now)}, UTC`);
}

// ---- The page
function renderFixed() {
  setText(byId("base-url"), snapshot.baseUrl);
  setText(byId("first-interview"), snapshot.firstSteps.interviews);
  setText(byId("first-call"), snapshot.firstSteps.calls);
  setText(byId("version"), `boooply ${snapshot.version}`);
  setText(byId("kept"), `Keeps the headers and bodies of the newest ${grouped(snapshot.keptCalls)} calls, up to 64 kB per body.`);
  renderFaults();
  fillFilters();
  showFilters();
}

function render() {
  renderFixed();
  renderInterviews(snapshot.interviews);
  renderLists();
  tick();
  renderSteps();
}

function tick() {
  renderClock();
  renderLimits(snapshot.limits);
  renderWebhooks(snapshot.webhooks);
}

let drawing = 0;

function receive(data) {
  snapshot = JSON.parse(data);
  setNow(snapshot.now);
  updateLists(snapshot);
  refresh();
  // draw several snapshots in a row only once
  drawing ||= requestAnimationFrame(() => { drawing = 0; keepFocus(render); });
}

function showConnection(isLive) {
  live = isLive;
  byId("connection").dataset.state = live ? "live" : "waiting";
  setText(byId("connection"), live ? "live" : "reconnecting…");
}

function connect() {
  const stream = new EventSource("/_sandbox/stream");
  stream.addEventListener("open", () => showConnection(true));
  stream.addEventListener("message", ({ data }) => receive(data));
  stream.addEventListener("error", () => {
    showConnection(false);
    // browsers retry automatically, but not after an error response
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  });
}

// ---- Forms and keys
function setEndpoint(trigger, url) {
  return act(trigger, ["POST", "webhooks", { url }], url ? `Webhooks go to ${url}.` : "The endpoint is removed. Webhooks are not sent.");
}

function injectFault(trigger) {
  const [operation, fault] = [byId("operation").value, byId("fault").value];
  const times = byId("forever").checked ? null : byId("times").valueAsNumber;
  return act(trigger, ["POST", "faults", { operation, fault, times }], `Injected ${fault} into ${operation}.`);
}

function onSubmit(id, action) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action(event.submitter ?? byId(id).querySelector("[type=submit]"));
  });
}

function onKey(event) {
  const isTyping = event.target.closest("input, select, textarea");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || byId("inspector").open) return;
  event.preventDefault();
  byId("search").focus();
  byId("search").select();
}

const copies = { copy: ["base-url", "Base URL"], "copy-first-interview": ["first-interview", "Program"], "copy-first-call": ["first-call", "Command"] };

function startControls() {
  for (const [id, [shown, what]] of Object.entries(copies)) {
    byId(id).addEventListener("click", () => copy(byId(shown).textContent, what, byId(shown)));
  }
  byId("dismiss").addEventListener("click", () => say(""));
  byId("fault").addEventListener("change", renderMeaning);
  byId("forever").addEventListener("change", ({ target }) => { byId("times").disabled = target.checked; });
  byId("clear").addEventListener("click", ({ target }) => act(target, ["DELETE", "faults"], "All faults are cleared."));
  byId("endpoint-remove").addEventListener("click", ({ target }) => { byId("endpoint").value = endpointUrl(); setEndpoint(target, null); });
  for (const advance of byId("advances").children) {
    advance.addEventListener("click", () => act(advance, ["POST", "clock", { advance: Number(advance.value) }], `Clock advanced: ${advance.textContent}.`));
  }
  onSubmit("endpoint-form", (trigger) => setEndpoint(trigger, byId("endpoint").value));
  onSubmit("fault-form", injectFault);
}

function startFilters() {
  let typing;
  readAddress();
  byId("search").addEventListener("input", ({ target }) => {
    clearTimeout(typing);
    typing = setTimeout(() => changeFilter(null, { text: target.value }), 200);
  });
  onSubmit("search-form", () => {});
  byId("customer").addEventListener("change", ({ target }) => changeFilter(null, { customer: target.value }));
  for (const [id, [name, field]] of Object.entries(SELECTS)) {
    byId(id).addEventListener("change", ({ target }) => changeFilter(name, { [field]: target.value }));
  }
  byId("unfilter").addEventListener("click", clearFilters);
  document.addEventListener("keydown", onKey);
  addEventListener("popstate", writeAddress);
  document.addEventListener("filters", () => { writeAddress(); byId("inspector").close(); });
}

startLists(() => snapshot && render());
startControls();
startFilters();
startInspector();
// Without a connection the sandbox's time is unknown, so the clock stops. Twice a second, so that no second is skipped.
setInterval(() => { if (snapshot && live) keepFocus(tick); }, 500);
connect();
