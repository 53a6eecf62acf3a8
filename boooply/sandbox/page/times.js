/** Times by the sandbox's clock, in UTC as in the API's responses. */

let origin = 0;

/** Store the sandbox's current time. */
export function setNow(iso) { origin = Date.parse(iso) - performance.now(); }

export const sandboxNow = () => origin + performance.now();
export const hms = (date) => date.toISOString().slice(11, 19);
export const day = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
export const dayAndTime = (date) => date.toISOString().slice(5, 16).replace("T", " ");
export const minute = (date) => `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
export const second = (date) => `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
export const secondsUntil = (iso) => Math.ceil((Date.parse(iso) - sandboxNow()) / 1000);

// with no-break spaces
export function duration(seconds) {
  if (seconds < 60) return `${seconds}\u00a0s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}\u00a0min ${seconds % 60}\u00a0s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}\u00a0h ${Math.floor((seconds % 3600) / 60)}\u00a0min`;
  return `${Math.floor(seconds / 86400)}\u00a0d ${Math.floor((seconds % 86400) / 3600)}\u00a0h`;
}

/** A measured time, in seconds. */
export const took = (seconds) => (seconds < 1 ? `${Math.round(seconds * 10_000) / 10}\u00a0ms` : `${Math.round(seconds * 100) / 100}\u00a0s`);
