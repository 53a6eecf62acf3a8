/** The inspector's details of a call, an interview, a webhook and an e-mail. */

import { copy } from "./actions.js";
import { make, makeButton, reconcile, setBadge } from "./elements.js";
import { renderPlay } from "./interviews.js";
import { filterBy } from "./lists.js";
import { allowReplay, callRow, emailRow, nextTry, replay } from "./rows.js";
import { duration, hms, minute, second, took } from "./times.js";
import { count, DELIVERY_STATES, EMAIL_KINDS, size, STATUSES, statusWords, tone } from "./words.js";

// ---- Pieces
const part = (title, ...children) => make("div", { className: "part" }, make("h3", {}, title), ...children);
const note = (...texts) => make("p", { className: "small muted" }, ...texts);
const code = (text, className = "") => make("code", { className: `break ${className}` }, text);

function badge(text, kind) {
  const node = make("span");
  setBadge(node, text, kind);
  return node;
}

/** A list of names and values, without absent values. */
function facts(pairs) {
  const isGiven = ([, value]) => value !== null && value !== undefined && value !== "" && value !== false;
  return make("dl", { className: "pairs" }, pairs.filter(isGiven).flatMap(([name, value]) => [
    make("dt", {}, name), make("dd", {}, ...(Array.isArray(value) ? value.filter(Boolean) : [value])),
  ]));
}

const headerList = (headers) => make("dl", { className: "pairs headers" }, headers.flatMap(([name, value]) => [
  make("dt", {}, code(name)), make("dd", {}, code(value)),
]));

function block(text, label) {
  const pre = make("pre", { tabIndex: 0, ariaLabel: label, role: "region" }, make("code", {}, text));
  const button = makeButton("Copy", () => copy(text, label, pre), { className: "plain", ariaLabel: `Copy: ${label}` });
  return make("div", { className: "block" }, pre, button);
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // not JSON, or cut
  }
}

function bodyOf(body, label, absent) {
  if (!body) return note(absent);
  if (body.size === 0) return note("No body.");
  if (!body.isText) return note(`${size(body.size)} of binary data.`);
  const cut = !body.isWhole && note(`The first 64 kB of ${size(body.size)}.`);
  return make("div", {}, cut || "", block(indented(body.text), label));
}

/** The buttons that copy a program, and its requirements. */
function programs({ curl, python, variable }, ...whose) {
  if (!curl && !python) return note("It cannot be copied as a program, because its body is incomplete.");
  const pre = make("pre", { hidden: true, tabIndex: 0 });
  const offer = (text, name) => text && makeButton(`Copy as ${name}`, () => {
    pre.textContent = text;
    copy(text, name, pre);
  }, { data: { testid: `copy-${name.toLowerCase()}` } });
  const needs = make("p", { className: "small muted" }, "Both read ", code(`$${variable}`), ", ", ...whose, ".");
  return make("div", { className: "programs" }, offer(curl, "curl"), offer(python, "Python"), needs, pre);
}

function customer(tenant) {
  if (!tenant) return null;
  const button = makeButton(`Show only ${tenant}`, () => {
    filterBy(null, { customer: tenant });
    document.dispatchEvent(new Event("filters"));
  }, { className: "plain small" });
  return [code(tenant), " ", button];
}

const linkTo = (kind, name, text) => make("a", { href: `#${kind}-${encodeURIComponent(name)}` }, text);

const view = (title, build, fixed) => () => {
  const changing = make("div", { className: "changing" });
  const kept = fixed?.();
  return {
    nodes: kept ? [kept.node, changing] : [changing],
    title,
    update(details) {
      kept?.update(details);
      changing.replaceChildren(...build(details).filter(Boolean));
    },
  };
};

// ---- Calls
/** The owner of the key that the programs read, and the command that shows a customer's key. */
function keyOf({ variable, tenant, customer, keyCommand }) {
  if (customer) return [`the key of customer ${customer}, which the store of your program contains: `, code(keyCommand)];
  if (variable === "BOOOPLY_PLATFORM_KEY") return ["the platform key"];
  return [tenant ? `the key of ${tenant}` : "the key of the sandbox's own organization: the call had no known key"];
}

function limitsOf({ limits }) {
  if (!limits) return null;
  const left = `${limits.remaining} of ${limits.limit} ${limits.allowance} left`;
  return `${limits.granted ? left : `over the limit of ${limits.limit} ${limits.allowance}`}, window ends ${hms(new Date(limits.resetsAt * 1000))}`;
}

function callParts(call) {
  const { status, operation, tenant, at, fault, faultMeaning, carriedOut, errorCode, isKept } = call;
  const summary = facts([
    ["Status", [badge(statusWords(status), tone(status))]],
    ["Error", errorCode && [code(errorCode)]],
    ["Operation", [code(operation)]],
    ["Interview", call.interview && [linkTo("interview", call.interview, call.interview)]],
    ["Customer", customer(tenant)],
    ["Time", second(new Date(at))],
    ["Took", isKept && took(call.seconds)],
    ["Limits", isKept && limitsOf(call)],
    ["Fault", fault && [code(fault), ` ${faultMeaning}`]],
    ["Effect", fault && (carriedOut ? "The operation was carried out." : "The operation was not carried out.")],
  ]);
  if (!isKept) return [summary, note("Its headers and bodies are gone: the sandbox keeps only those of the newest calls.")];
  const unsent = fault ? `The fault ${fault} replaced the body.` : "No body.";
  return [
    summary,
    programs(call, ...keyOf(call)),
    part("Request", block(`${call.method} ${call.url}`, "Request line"), headerList(call.request.headers),
      bodyOf(call.request.body, "Request body", "The sandbox did not read a body.")),
    part("Response", headerList(call.response.headers), bodyOf(call.response.body, "Response body", unsent)),
  ];
}

// ---- Interviews
const date = (iso) => iso && minute(new Date(iso));

const personRow = (person) => make("tr", {},
  make("td", {}, make("span", { className: "name" }, person.name), make("span", { className: "small muted break" }, person.email)),
  make("td", {}, person.role),
  make("td", {}, person.isActive ? "in the meeting" : person.joinedAt ? `${hms(new Date(person.joinedAt))} to ${person.leftAt ? hms(new Date(person.leftAt)) : "?"}` : "has not joined"));

function participants(people) {
  if (!people.length) return note("Nobody.");
  const head = make("thead", {}, make("tr", {}, ...["Person", "Role", "Present (UTC)"].map((text) => make("th", { scope: "col" }, text))));
  return make("table", { className: "people" }, head, make("tbody", {}, people.map(personRow)));
}

const spoken = ({ speaker, role, content }) => make("li", {},
  make("p", { className: "small muted" }, `${speaker} · ${role}`), make("p", { className: "break" }, content));

function recordingOf({ code: name, recording, endedAt }) {
  if (!recording) return note(endedAt ? "There is no recording." : "There is no recording until the interview ends.");
  const link = make("a", { href: `/_sandbox/recordings/${encodeURIComponent(name)}.mp4`, download: `${name}.mp4` }, "Download");
  return make("p", {}, link, ` a placeholder for a video of ${duration(recording.seconds)}.`);
}

function related(title, items, row) {
  if (!items.length) return null;
  const body = make("tbody");
  const rows = items.map((item) => { const made = row(item); made.update(item); return made.node; });
  body.append(...rows);
  return part(title, rows[0].tagName === "TR" ? make("table", { className: "related" }, body) : make("ul", { className: "list" }, rows));
}

const webhookLine = (delivery) => {
  const node = make("li", { className: "line" }, make("span", {}, linkTo("webhook", delivery.id, delivery.event)), badge(delivery.state, DELIVERY_STATES[delivery.state]));
  return { node, update() {} };
};

/** The figures of an evaluation, followed by its JSON. */
function evaluationOf(whole) {
  if (!whole) return [note("There is no evaluation yet.")];
  const { recommendation, ...rest } = whole.evaluation ?? {};
  const figures = Object.entries(rest).filter(([, value]) => typeof value === "number");
  return [facts([["recommendation", recommendation], ...figures.map(([name, value]) => [name, String(value)])]), block(JSON.stringify(whole, null, 2), "Evaluation")];
}

function interviewParts(interview) {
  const { title, status, endReason, kind, evaluation, transcript } = interview;
  return [
    facts([
      ["Code", [code(interview.code)]],
      ["Status", [badge(STATUSES[status]?.word ?? status, STATUSES[status]?.tone), " ", endReason && code(endReason)]],
      ["Kind", kind],
      ["Customer", customer(interview.tenant)],
      ["Score", interview.overallScore === null ? "" : String(interview.overallScore)],
      ["Recruiter", interview.finalized && `${interview.finalized}${interview.rationale ? `: ${interview.rationale}` : ""}`],
      ["Created", date(interview.createdAt)], ["Scheduled", date(interview.scheduledAt)],
      ["Duration", `${interview.durationMinutes} min`],
      ["Started", date(interview.startedAt)], ["Ended", date(interview.endedAt)], ["Expires", date(interview.expiresAt)],
      ["Address", [code(interview.url)]],
    ]),
    part(`Participants (${interview.participants.length})`, participants(interview.participants)),
    part("Evaluation", ...evaluationOf(evaluation)),
    part("Transcript", transcript.length ? make("ol", { className: "transcript" }, transcript.map(spoken)) : note("There is no transcript yet.")),
    part("Recording", recordingOf(interview)),
    related("Webhooks", interview.webhooks, webhookLine),
    related("E-mails", interview.emails, emailRow),
    related("Calls", interview.calls, callRow),
  ];
}

function playArea() {
  const [main, lesser, flows, summary] = [make("span", { className: "main" }), make("div"), make("div"), make("summary", {}, "Play, book or finalize")];
  const more = make("details", {}, summary, lesser, flows);
  const node = make("div", { className: "actions" }, main, more);
  return { node, update: (interview) => renderPlay({ main, lesser, flows, more, summary }, interview, "inspector-") };
}

// ---- Webhooks
const attemptItem = ({ at, status, error, seconds, response }) => make("li", {},
  make("p", { className: "line" },
    badge(status === null ? "no response" : statusWords(status), tone(status ?? 0)),
    make("span", { className: "small muted" }, [second(new Date(at)), seconds === null ? "" : took(seconds), error ?? ""].filter(Boolean).join(" · "))),
  response ? block(response, "Response of your endpoint") : null);

function webhookParts(delivery) {
  const { event, meetingCode, tenant, state, attempts, nextAttemptAt, url, exampleUrl, signature } = delivery;
  const again = makeButton("Replay", (self) => replay(self, delivery), { className: "tinted", ariaLabel: `Replay ${event} of ${meetingCode}` });
  allowReplay(again, url);
  const where = exampleUrl ? [". There is no endpoint, so they use the placeholder ", code(exampleUrl), ": replace it with your URL"] : [];
  return [
    facts([
      ["State", [badge(state, DELIVERY_STATES[state]), " ", make("span", { className: "small muted" }, nextTry(nextAttemptAt))]],
      ["Interview", [linkTo("interview", meetingCode, meetingCode)]],
      ["Customer", customer(tenant)],
      ["Endpoint", url ? [code(url)] : "none set"],
      ["Signature", [code(signature)]],
    ]),
    make("div", { className: "programs" }, again, url ? "" : note(again.title)),
    programs(delivery, "the webhook secret, and sign the body in them", ...where),
    part(`Attempts (${attempts.length})`, attempts.length ? make("ol", { className: "tries" }, attempts.map(attemptItem)) : note("No attempts yet.")),
    part("Headers", headerList(delivery.headers)),
    part("Payload", bodyOf(delivery.body, "Payload", "")),
  ];
}

// ---- E-mails
function emailParts({ to, kind, meetingCode, subject, sentAt, links }) {
  const shown = links.map(({ name, url }) => make("li", {},
    make("p", {}, linkTo("interview", meetingCode, name === "join" ? "Join the meeting" : "Book a slot"), make("span", { className: "small muted" }, " opens the interview here")),
    block(url, `Link: ${name}`)));
  return [
    facts([
      ["To", [code(to)]], ["Subject", subject], ["Kind", [badge(kind, EMAIL_KINDS[kind])]],
      ["Interview", [linkTo("interview", meetingCode, meetingCode)]], ["Time", second(new Date(sentAt))],
    ]),
    part("Links", shown.length ? make("ul", { className: "tries" }, shown) : note("No links.")),
    note("The text of Boooply's e-mails is not known, so the sandbox has none. Nobody receives this e-mail."),
  ];
}

/** The views by kind: the title, the parts, and the element that remains when the others are replaced. */
export const VIEWS = {
  call: view(({ method, path }) => `${method} ${path}`, callParts),
  interview: view(({ title }) => title, interviewParts, playArea),
  webhook: view(({ event }) => event, webhookParts),
  email: view(({ subject }) => subject, emailParts),
};
