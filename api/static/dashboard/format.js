/** Numbers, money and times as the reader's language writes them; times are UTC. */

const integer = new Intl.NumberFormat();
const decimal = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const percent = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 1 });
const brief = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "always", style: "short" });
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const momentFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium", timeZone: "UTC" });
const clockFormat = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", timeZone: "UTC" });
const UNITS = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** 12345 -> "12,345" */
export const count = (number) => integer.format(number);
/** 12345 -> "12.3K" */
export const compact = (number) => brief.format(number);
/** 0.123 -> "12.3%" */
export const share = (number) => percent.format(number);
/** "3 orders", "1 order" */
export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/**
 * 12.5 -> "12.50"; with a currency "€12.50".
 * @param {{whole?: boolean}} [options] whole: large amounts without cents
 */
export function money(amount, currency, { whole = false } = {}) {
  if (!currency) return decimal.format(amount);
  const digits = whole && Math.abs(amount) >= 10_000 ? { maximumFractionDigits: 0 } : {};
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency, ...digits }).format(amount);
  } catch {
    return `${decimal.format(amount)} ${currency}`;
  }
}

/** Events per second: one decimal where it says something. */
export const rate = (perSecond) => (perSecond >= 10 ? count(Math.round(perSecond)) : count(Math.round(perSecond * 10) / 10));

/** "2024-12-30" -> "30 Dec 2024" */
export const day = (iso) => dayFormat.format(new Date(`${iso}T00:00:00Z`));
/** A moment, to the minute. */
export const moment = (iso) => momentFormat.format(new Date(iso));
/** A moment, in full, with its zone. */
export const exact = (iso) => `${exactFormat.format(new Date(iso))} UTC`;
/** The time of day of a number of milliseconds since 1970. */
export const clock = (at) => `${clockFormat.format(at)} UTC`;

/** How much this machine's clock is behind the server's, in milliseconds. */
let skew = 0;

/** Learn the server's time from the header Date, which knows whole seconds only. */
export function learnClock(dateHeader) {
  const there = Date.parse(dateHeader ?? "");
  const behind = there + 500 - Date.now();
  skew = Number.isNaN(there) || Math.abs(behind) < 1500 ? 0 : behind;
}

/** "3 sec. ago" */
export function ago(iso) {
  const seconds = Math.max(0, (Date.now() + skew - Date.parse(iso)) / 1000);
  if (seconds < 1) return "just now";
  const [unit, size] = UNITS.find(([, size]) => seconds >= size);
  return relative.format(-Math.floor(seconds / size), unit);
}

/** Show a moment as how long ago it was; kept true by `keepTimesTrue`. */
export function setAgo(element, iso) {
  if (element.dateTime !== iso) {
    element.dateTime = iso;
    element.title = exact(iso);
    element.dataset.ago = "";
  }
  const text = ago(iso);
  if (element.textContent !== text) element.textContent = text;
}

/** Let every "… ago" of the page go with the time. */
export function keepTimesTrue() {
  setInterval(() => document.querySelectorAll("time[data-ago]").forEach((time) => setAgo(time, time.dateTime)), 1000);
}
