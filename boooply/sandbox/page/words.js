/** The labels and colours of the API's values. */

export const STATUSES = {
  SCHEDULED: { word: "Scheduled", tone: "info" }, ACTIVE: { word: "Active", tone: "warn" },
  COMPLETED: { word: "Completed", tone: "ok" }, CANCELLED: { word: "Cancelled", tone: "" },
  FAILED: { word: "Failed", tone: "bad" },
};
export const DELIVERY_STATES = { pending: "warn", delivered: "ok", failed: "bad", unsent: "" };
export const EMAIL_KINDS = { invitation: "info", booking: "ok", reschedule: "warn", cancellation: "", feedback: "info" };

/** The filter of calls by status: value and label. */
export const CALL_STATUSES = [
  ["2xx", "2xx: done"], ["3xx", "3xx: redirected"], ["4xx", "4xx: rejected"], ["5xx", "5xx: failed"],
  ["broken", "connection broken"], ["429", "429: over the limit"], ["fault", "with a fault"],
];

const PHRASES = {
  0: "Connection broken", 200: "OK", 201: "Created", 202: "Accepted", 204: "No content", 307: "Redirect",
  400: "Bad request", 401: "Unauthorized", 402: "Payment required", 403: "Forbidden", 404: "Not found",
  405: "Not allowed", 409: "Conflict", 410: "Gone", 413: "Too large", 415: "Wrong media type", 422: "Invalid",
  429: "Too many requests", 500: "Server error", 502: "Bad gateway", 503: "Unavailable", 504: "Gateway timeout",
};

export const statusWords = (status) => [status || "", PHRASES[status] ?? ""].join(" ").trim();

export function tone(status) {
  if (status === 0 || status >= 500) return "bad";
  if (status >= 400) return "warn";
  return status >= 300 ? "info" : "ok";
}

export const count = (number, noun) => `${grouped(number)} ${noun}${number === 1 ? "" : "s"}`;
export const grouped = (number) => number.toLocaleString("en");

export function size(bytes) {
  return bytes < 1024 ? count(bytes, "byte") : `${grouped(Math.round(bytes / 102.4) / 10)} kB`;
}
