/** Requests to the sandbox, and messages to the person. */

import { byId } from "./elements.js";

let fading;

/** Show a message, also to screen readers; a failure remains until it is dismissed. */
export function say(text, failed = false) {
  clearTimeout(fading);
  const toast = byId("toast");
  // a modal dialog covers everything outside it
  const home = byId("inspector").open ? byId("inspector") : document.body;
  if (toast.parentElement !== home) home.append(toast);
  toast.classList.toggle("failed", failed);
  byId("result").textContent = text;
  byId("dismiss").hidden = !failed;
  if (!failed) fading = setTimeout(say, 8000, "");
}

/** Call the sandbox's controls, and return the response. */
export async function ask(method, path, body) {
  const response = await fetch(`/_sandbox/${path}`, {
    method, headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body),
  }).catch(() => { throw new Error("The sandbox does not respond. Check that it is running."); });
  const received = await response.json().catch(() => null);
  if (!response.ok || received?.success === false) throw new Error(received?.error ?? `The sandbox responded with ${response.status}.`);
  return received;
}

/** Send the request of a button, and show its result. */
export async function act(trigger, request, done) {
  // `disabled` would remove the keyboard focus
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

/** Copy a text, or select the element that shows it if the browser does not allow copying. */
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
