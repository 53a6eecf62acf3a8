/** The inspector: a dialog with the details of a call, interview, webhook or e-mail, which has its own URL. */

import { ask } from "./actions.js";
import { byId, keepFocus, make, setText } from "./elements.js";
import { VIEWS } from "./details.js";
import { totalOf } from "./lists.js";

const ADDRESS = /^#(call|interview|webhook|email)-(.+)$/;

let open = null; // { kind, name, shown } of what is open

const dialog = () => byId("inspector");
const depth = () => history.state?.depth ?? 0;

export function startInspector() {
  document.addEventListener("click", followLink);
  addEventListener("popstate", route);
  dialog().addEventListener("close", leave);
  dialog().addEventListener("click", (event) => { if (event.target === dialog()) dialog().close(); });
  byId("inspector-close").addEventListener("click", () => dialog().close());
  for (const button of byId("inspector-steps").children) {
    button.addEventListener("click", () => button.value && navigate(`#call-${button.value}`, false));
  }
  route();
}

/** Open a URL; the browser's back button closes it, or shows the previous details. */
export function navigate(address, isDeeper = true) {
  if (isDeeper) history.pushState({ depth: depth() + 1 }, "", address);
  else history.replaceState(history.state, "", address);
  route();
}

function followLink(event) {
  const link = event.target.closest("a[href^='#'], [data-opens]");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  const address = link.getAttribute("href") ?? addressOfRow(link, event);
  if (!address || !ADDRESS.test(address)) return;
  event.preventDefault();
  navigate(address);
}

/** Return what a click opens: its row, unless it was on a control or selected text. */
function addressOfRow(row, event) {
  if (event.target.closest("button, input, select, summary, form, a") || String(getSelection())) return null;
  return row.querySelector("a[href^='#']")?.getAttribute("href");
}

function route() {
  const found = ADDRESS.exec(location.hash);
  if (!found) {
    open = null;
    if (dialog().open) dialog().close();
    return;
  }
  const [, kind, name] = found;
  if (open?.kind === kind && open?.name === decodeURIComponent(name)) return;
  open = { kind, name: decodeURIComponent(name), shown: "", view: null };
  if (!dialog().open) dialog().showModal();
  byId("inspector-title").focus();
  refresh();
}

/** Reset the URL after the dialog was closed. */
function leave() {
  open = null;
  byId("inspector-body").replaceChildren();
  if (!ADDRESS.test(location.hash)) return;
  if (depth() > 0) history.go(-depth());
  else history.replaceState(null, "", location.pathname + location.search);
}

let running = false;
let stale = false;

/** Refresh the open details; calls and e-mails never change. */
export async function refresh() {
  const current = open;
  if (!current || (current.shown && ["call", "email"].includes(current.kind))) return;
  if (running) { stale = true; return; }
  [running, stale] = [true, false];
  try {
    const { success, ...details } = await ask("GET", `details/${current.kind}/${encodeURIComponent(current.name)}`);
    if (current === open) keepFocus(() => show(current, details));
  } catch (error) {
    if (current === open) showProblem(current, error.message);
  } finally {
    running = false;
  }
  if (stale || current !== open) refresh();
}

function showProblem({ kind, name }, problem) {
  setText(byId("inspector-title"), `${kind} ${name}`);
  byId("inspector-steps").hidden = true;
  byId("inspector-body").replaceChildren(make("p", { className: "lead" }, problem));
}

function show(current, details) {
  const shown = JSON.stringify(details);
  if (shown === current.shown) return;
  const isFirst = !current.view;
  current.shown = shown;
  current.view ??= VIEWS[current.kind](details);
  current.view.update(details);
  setText(byId("inspector-title"), current.view.title(details));
  renderSteps();
  if (!isFirst) return;
  byId("inspector-body").replaceChildren(...current.view.nodes);
  byId("inspector-body").scrollTop = 0;
}

/** Show the buttons for the next and the previous call. */
export function renderSteps() {
  const [newer, older] = byId("inspector-steps").children;
  const number = open?.kind === "call" ? Number(open.name) : 0;
  byId("inspector-steps").hidden = !number;
  newer.value = number && number < totalOf("calls") ? number + 1 : "";
  older.value = number > 1 ? number - 1 : "";
  for (const button of [newer, older]) button.ariaDisabled = String(button.value === "");
}
