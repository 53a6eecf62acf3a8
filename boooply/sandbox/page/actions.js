/** What the page asks of the sandbox, and what it reports to the person. */

import { byId } from "./elements.js";

let fading;

/** Show a message, which screen readers read out; a failure stays until it is dismissed. */
export function say(text, failed = false) {
  clearTimeout(fading);
  const toast = byId("toast");
  // A modal dialog covers everything outside it.
  const home = byId("inspector").open ? byId("inspector") : document.body;
  if (toast.parentElement !== home) home.append(toast);
  toast.classList.toggle("failed", failed);
  byId("result").textContent = text;
  byId("dismiss").hidden = !failed;
  if (!failed) fading = setTimeout(say, 8000, "");
}

/** Call the sandbox's controls and return what it responds. */
export async function ask(method, path, body) {
  const response = await fetch(`/_sandbox/${path}`, {
    method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body),
  }).catch(() => { throw new Error("The sandbox does not respond. Is it still running?"); });
  const received = await response.json().catch(() => null);
  if (!response.ok || received?.success === false) throw new Error(received?.error ?? `The sandbox responded with ${response.status}.`);
  return received;
}

/** Send a request on behalf of a button, and report how it went. */
export async function act(trigger, request, done) {
  // `disabled` would take the focus away from the keyboard.
  if (trigger.ariaBusy === "true") return;
  trigger.ariaBusy = "true";
  try {
    await ask(...request);
    say(done);
  } catch (error) {
    say(error.message, true);
  } finally {
    trigger.ariaBusy = "false";
  }
}

/** Copy a text; where the browser does not allow it, select the element that shows the text. */
export async function copy(text, what, shownIn) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied.`);
  } catch {
    shownIn.hidden = false;
    getSelection().selectAllChildren(shownIn);
    say("The browser does not allow copying here. The text is selected instead.", true);
  }
}
