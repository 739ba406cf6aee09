/** How much: the large numbers on top, and what was added since the page was opened. */

import { NOTHING, h, setText } from "../dom.js";
import { count, counted, money } from "../format.js";

/** @returns {{element: HTMLElement, show: (overview: any) => void}} */
export function tiles() {
  const interactions = tile("Interactions");
  const sales = tile("Sales");
  const customers = tile("Customers");
  const events = tile("Events");
  let first = null;

  function show(now) {
    first ??= now;
    const used = now.channels.filter((one) => one.interactions).length;
    interactions.show(count(now.interactions), counted(used, "channel"), now.interactions - first.interactions);
    const [main, ...others] = now.sales;
    const before = first.sales.find((one) => one.currency === main?.currency);
    sales.show(main ? money(main.revenue, main.currency, { whole: true }) : "None yet", sold(main, others), main ? main.orders - (before?.orders ?? 0) : 0);
    customers.show(count(now.customers), "with a profile", now.customers - first.customers);
    const { corrected, repeated, withdrawn } = now.events;
    events.show(count(total(now.events)), told({ corrected, repeated, withdrawn }), total(now.events) - total(first.events));
  }

  return { element: h("dl", { class: "tiles" }, interactions.element, sales.element, customers.element, events.element), show };
}

/** How many events were read. */
export const total = (events) => Object.values(events).reduce((sum, number) => sum + number, 0);

function sold(main, others) {
  if (!main) return "";
  const more = others.length ? `, and ${counted(others.length, "other currency", "other currencies")}` : "";
  return counted(main.orders, "order") + more;
}

function told(outcomes) {
  const parts = Object.entries(outcomes).filter(([, number]) => number).map(([name, number]) => `${count(number)} ${name}`);
  return parts.join(", ");
}

/** @param {string} label */
export function tile(label, { small = false } = {}) {
  const value = h("span", { class: "value" }, NOTHING);
  const sub = h("span");
  const added = h("span", { class: "up", title: "Since this page was opened" });
  const element = h(
    "div",
    { class: `tile${small ? " small" : ""}` },
    h("dt", {}, label),
    h("dd", {}, value, h("span", { class: "sub" }, sub, added)),
  );

  function show(text, more = "", gained = 0) {
    setText(value, text);
    setText(sub, more, { quietly: true });
    setText(added, gained > 0 ? `${more ? " · " : ""}+${count(gained)}` : "", { quietly: true });
  }

  return { element, show };
}
