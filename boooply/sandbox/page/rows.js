/** The rows of calls, organizations, e-mails, webhooks and limits. */

import { act, say } from "./actions.js";
import { byId, make, reconcile, rowOf, setBadge, setText, setTime, write } from "./elements.js";
import { filters, pageOf, renderPanel } from "./lists.js";
import { duration, secondsUntil } from "./times.js";
import { count, DELIVERY_STATES, EMAIL_KINDS, statusWords, tone } from "./words.js";

export const callRow = rowOf("call-row", (call, fields) => {
  const { number, method, path, operation, errorCode, tenant, fault, carriedOut } = call;
  // whether a call can be retried depends on its effect
  const effect = fault && (carriedOut ? "carried out" : "not carried out");
  write(fields, { method, path, operation, error: errorCode, tenant, fault, effect });
  fields.link.href = `#call-${number}`;
  setTime(fields.time, call.at);
  setBadge(fields.status, statusWords(call.status), tone(call.status));
});

const organizationRow = rowOf("organization-row", (organization, fields) => {
  const { id, name, slug, externalOrgId, plan, teamMembers, mints, interviewAllowance, interviewsLeft } = organization;
  const left = interviewsLeft === null ? "" : `, ${interviewsLeft} of ${interviewAllowance} interviews left`;
  const counts = `${count(teamMembers, "team member")}, ${count(mints, "key")} minted${left}`;
  write(fields, { id, name, slug, externalOrgId, plan, counts });
});

export const emailRow = rowOf("email-row", ({ number, to, kind, meetingCode, subject, sentAt }, fields) => {
  write(fields, { code: meetingCode, subject, to: `to ${to}` });
  fields.subject.href = `#email-${number}`;
  setBadge(fields.kind, kind, EMAIL_KINDS[kind]);
  setTime(fields.time, sentAt);
});

export function renderLists() {
  const keyed = [["calls", callRow], ["organizations", organizationRow], ["emails", emailRow]];
  for (const [name, row] of keyed) {
    renderPanel(name);
    reconcile(byId(name), pageOf(name).items, ({ number }) => number, row);
  }
}

// ---- Webhooks
let knownUrl = "";

const attemptRow = rowOf("attempt-row", ({ at, status, error }, fields) => {
  write(fields, { outcome: status === null ? "no response" : statusWords(status), error });
  setTime(fields.time, at);
  fields.outcome.className = `outcome ${tone(status ?? 0)}`;
});

export function nextTry(iso) {
  if (!iso) return "";
  const seconds = secondsUntil(iso);
  return seconds > 0 ? `next attempt in ${duration(seconds)}` : "next attempt now";
}

/** Enable the replay button, or explain why it has no effect without an endpoint. */
export function allowReplay(button, url) {
  button.ariaDisabled = String(!url);
  button.title = url ? "" : "Set the endpoint URL first.";
  button.ariaDescription = button.title;
}

export const replay = (trigger, { id, event }) =>
  trigger.ariaDisabled === "true" ? say(trigger.title, true) : act(trigger, ["POST", `webhooks/${encodeURIComponent(id)}/replay`, {}], `Replayed ${event}.`);

const deliveryRow = rowOf("delivery-row", (delivery, fields) => {
  const { event, meetingCode, tenant, state, attempts, nextAttemptAt } = delivery;
  write(fields, { event, about: `${meetingCode} · ${tenant}`, next: nextTry(nextAttemptAt) });
  setBadge(fields.state, state, DELIVERY_STATES[state]);
  reconcile(fields.attempts, attempts, (attempt, place) => place, attemptRow);
  fields.replay.ariaLabel = `Replay ${event} of ${meetingCode}`;
  allowReplay(fields.replay, knownUrl);
}, (delivery, { replay: button, event }, node) => {
  node.dataset.testid = `delivery-${delivery.id}`;
  button.dataset.testid = `replay-${delivery.id}`;
  event.href = `#webhook-${encodeURIComponent(delivery.id)}`;
  button.addEventListener("click", () => replay(button, delivery));
});

export function renderWebhooks({ url: set }) {
  const url = set ?? "";
  const input = byId("endpoint");
  // do not overwrite while the person types
  if (input.value === knownUrl) input.value = url;
  knownUrl = url;
  byId("endpoint-remove").hidden = !url;
  renderPanel("webhooks");
  reconcile(byId("webhooks"), pageOf("webhooks").items, ({ id }) => id, deliveryRow);
}

export const endpointUrl = () => knownUrl;

// ---- Limits: a row per organization; of many, those with the most calls left are folded
const UNFOLDED = 10;
const LEVELS = ["none", "low", "good"];

const leftOf = ({ limit, remaining, resetsAt }) => (secondsUntil(resetsAt) > 0 ? remaining : limit);

function levelOf(allowance) {
  const left = leftOf(allowance);
  return left <= 0 ? "none" : left <= allowance.limit / 4 ? "low" : "good";
}

const allowanceRow = rowOf("allowance-row", (allowance, fields) => {
  const { gauge } = fields;
  const left = leftOf(allowance);
  const text = `${left} of ${allowance.limit} left`;
  write(fields, { allowance: allowance.allowance, text });
  gauge.ariaLabel = `${allowance.allowance} of ${allowance.tenant}`;
  gauge.ariaValueMax = allowance.limit;
  gauge.ariaValueNow = left;
  gauge.ariaValueText = text;
  gauge.dataset.level = levelOf(allowance);
  gauge.firstElementChild.style.setProperty("--level", `${(100 * left) / Math.max(1, allowance.limit)}%`);
});

const limitRow = rowOf("limit-row", ({ tenant, allowances }, fields) => {
  write(fields, { tenant });
  reconcile(fields.allowances, allowances, ({ allowance }) => allowance, allowanceRow);
});

function byTenant(items) {
  const groups = new Map();
  for (const item of items) groups.set(item.tenant, [...(groups.get(item.tenant) ?? []), item]);
  const rows = [...groups].map(([tenant, allowances]) => ({
    tenant, allowances, level: Math.min(...allowances.map((one) => LEVELS.indexOf(levelOf(one)))),
  }));
  return rows.sort((one, other) => one.level - other.level || one.tenant.localeCompare(other.tenant));
}

const isWanted = ({ tenant }) => !filters.customer || tenant === filters.customer;

export function renderLimits({ items, window: seconds }) {
  const rows = byTenant(items.filter(isWanted));
  const panel = byId("panel-limits");
  const next = items.length ? secondsUntil(items[0].resetsAt) : 0;
  setText(byId("window"), next > 0 ? `windows of ${seconds} s, next in ${duration(next)}` : `windows of ${seconds} s`);
  setText(panel.querySelector(".count"), String(rows.length));
  panel.querySelector(".scroll").hidden = rows.length === 0;
  panel.querySelector(".empty:not(.none)").hidden = items.length > 0;
  panel.querySelector(".none").hidden = items.length === 0 || rows.length > 0;
  reconcile(byId("limits"), rows.slice(0, UNFOLDED), ({ tenant }) => tenant, limitRow);
  const folded = rows.slice(UNFOLDED);
  byId("more-limits").hidden = folded.length === 0;
  setText(byId("more-limits").querySelector("summary"), `${count(folded.length, "more organization")}`);
  reconcile(byId("folded-limits"), folded, ({ tenant }) => tenant, limitRow);
}

/** Create the options of a filter; the first one does not filter. */
export function fillSelect(select, all, pairs) {
  const options = [["", all], ...pairs];
  if (select.dataset.options === JSON.stringify(options)) return;
  const chosen = select.value;
  select.dataset.options = JSON.stringify(options);
  select.replaceChildren(...options.map(([value, label]) => make("option", { value }, label)));
  select.value = options.some(([value]) => value === chosen) ? chosen : "";
}

