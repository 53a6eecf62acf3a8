/** The rows of interviews, with the buttons and forms that play them. */

import { act } from "./actions.js";
import { byId, make, makeButton, reconcile, rowOf, setBadge, setText, setTime, write } from "./elements.js";
import { filterBy, filters, ownFilter, pageOf, renderPanel } from "./lists.js";
import { dayAndTime, minute } from "./times.js";
import { STATUSES } from "./words.js";

const STEPS = {
  ACTIVE: { label: "Start", done: "started" }, END: { label: "Play to the end", done: "played to the end" },
  COMPLETED: { label: "End, resumable", done: "ended, resumable" },
  HOST_ENDED: { label: "End early", done: "ended early by its host" },
  SCHEDULED: { label: "Back to scheduled", done: "set back to scheduled" },
  NO_SHOW: { label: "No-show", done: "marked as a no-show" },
  EXPIRED: { label: "Expire", done: "expired" }, FAILED: { label: "Fail", done: "failed" },
};
const words = (values) => values.map((value) => [value, value]);

/** The hiring decisions and recommendations that the sandbox accepts. */
const choices = { hiring: [], recommendations: [] };

/** The flows with a form: when they are possible, their fields, and their body. */
const FLOWS = {
  book: {
    label: "Book the slot", done: "is booked", possible: ({ slots }) => slots.length > 0,
    fields: { start: { label: "Slot", options: ({ slots }) => slots.map((slot) => [slot, minute(new Date(slot))]) } },
  },
  finalize: {
    label: "Finalize", done: "is finalized", possible: ({ isEvaluated }) => isEvaluated,
    fields: {
      recommendation: { label: "Recommendation", options: () => words(choices.hiring) },
      rationale: { label: "Rationale", placeholder: "reason for the recommendation" },
    },
  },
  outcome: {
    flow: "play", label: "End with this outcome", done: "played to the end",
    possible: ({ steps, kind }) => steps.includes("END") && kind !== "TEAM",
    fields: {
      overall: { label: "Overall score", type: "number", placeholder: "0 to 100" },
      recommendation: { label: "Recommendation", options: () => [["", "derived from the score"], ...words(choices.recommendations)] },
      recording: { label: "Recording", options: () => [["", "with a recording"], ["false", "without a recording"]] },
    },
    body: ({ overall, recording, ...rest }) => ({
      evaluation: overall === undefined ? rest : { overall: Number(overall), ...rest },
      ...(recording && { recording: false }),
    }),
  },
};

function playButton({ code, title }, step, place) {
  const { label, done } = STEPS[step] ?? { label: step, done: `played to ${step}` };
  const request = ["POST", `interviews/${encodeURIComponent(code)}/play`, { to: step }];
  const node = makeButton(label, (self) => act(self, request, `Interview ${code} ${done}.`));
  node.className = step === "END" ? "tinted" : "";
  node.dataset.testid = `${place}play-${code}-${step}`;
  node.ariaLabel = `${label}: ${title}`;
  return { node, update() {} };
}

const renderSteps = (field, interview, steps, place) =>
  reconcile(field, steps, (step) => step, (step) => playButton(interview, step, place));

function flowField(form, interview, name, { label, options, placeholder, type }) {
  const control = make(options ? "select" : "input", { name, placeholder: placeholder ?? "" });
  if (type === "number") Object.assign(control, { type, min: 0, max: 100 });
  control.ariaLabel = label; // the label's text would include the options of a list
  options?.(interview).forEach(([value, text]) => control.append(new Option(text, value)));
  form.append(make("label", {}, label, control));
}

function flowForm(interview, name, place) {
  const { label, done, fields, flow = name, body = (filled) => filled } = FLOWS[name];
  const node = make("form", { className: "flow", autocomplete: "off", data: { testid: `${place}${name}-${interview.code}` } });
  Object.entries(fields).forEach(([field, asked]) => flowField(node, interview, field, asked));
  const button = make("button", { type: "submit", ariaLabel: `${label}: ${interview.title}` }, label);
  node.append(button);
  node.addEventListener("submit", (event) => {
    event.preventDefault();
    const filled = Object.fromEntries([...new FormData(node)].filter(([, value]) => value !== ""));
    act(button, ["POST", `interviews/${encodeURIComponent(interview.code)}/${flow}`, body(filled)], `Interview ${interview.code} ${done}.`);
  });
  return { node, update() {} };
}

/** Write the buttons and forms of an interview; `place` is the prefix of their test ids, empty in a row. */
export function renderPlay({ main, lesser, flows, more, summary }, interview, place = "") {
  const possible = Object.keys(FLOWS).filter((name) => FLOWS[name].possible(interview));
  const others = interview.steps.filter((step) => step !== "END");
  renderSteps(main, interview, interview.steps.filter((step) => step === "END"), place);
  renderSteps(lesser, interview, others, place);
  reconcile(flows, possible, (name) => name, (name) => flowForm(interview, name, place));
  more.hidden = others.length + possible.length === 0;
  summary.ariaLabel = `More for ${interview.title}`;
}

const interviewRow = rowOf("interview-row", (interview, fields) => {
  const { title, code, kind, tenant, candidate, status, endReason, overallScore, scheduledAt, finalized } = interview;
  write(fields, { title, code, kind, tenant, candidate: candidate ?? "no candidate", reason: endReason, score: overallScore });
  write(fields, { finalized: finalized && `${finalized} by a recruiter` });
  fields.title.href = `#interview-${encodeURIComponent(code)}`;
  fields.candidate.classList.toggle("muted", candidate === null);
  fields.scheduled.hidden = !scheduledAt;
  if (scheduledAt) setTime(fields.scheduled, scheduledAt, minute);
  setTime(fields.created, interview.createdAt, dayAndTime);
  setBadge(fields.status, STATUSES[status]?.word ?? status, STATUSES[status]?.tone);
  renderPlay(fields, interview);
}, ({ code }, fields, node) => { node.dataset.testid = `interview-${code}`; });

function statusChip({ status, word }) {
  const number = make("span");
  const node = makeButton(`${word} `, () => filterBy("interviews", { status }));
  node.append(number);
  return { node, update(chip) {
    setText(number, chip.number);
    node.ariaPressed = String(ownFilter("interviews", "status") === status);
  } };
}

export function renderInterviews({ total, byStatus, hiring, recommendations }) {
  Object.assign(choices, { hiring, recommendations });
  // the numbers count all interviews
  const number = (counted) => (filters.text || filters.customer ? "" : counted);
  const chips = Object.entries(STATUSES).map(([status, { word }]) => ({ status, word, number: number(byStatus[status] ?? 0) }));
  reconcile(byId("filters"), [{ status: "", word: "All", number: number(total) }, ...chips], (chip) => chip.status, statusChip);
  byId("filters").hidden = total === 0;
  renderPanel("interviews");
  reconcile(byId("interviews"), pageOf("interviews").items, ({ code }) => code, interviewRow);
}
