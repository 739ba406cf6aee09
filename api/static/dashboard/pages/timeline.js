/** What a customer did, newest first, as far back as one likes. */

import { ask } from "../api.js";
import { h, keyed } from "../dom.js";
import { counted, exact, moment, money } from "../format.js";
import { panel } from "../panel.js";

const PAGE = 10;
const MOST = 100;

/** @param {string} path of the customer */
export function timelinePanel(path) {
  const list = h("ol", { class: "timeline" });
  const more = h("button", { class: "quiet more", type: "button", onclick: () => showMore() }, "Show more");
  let limit = PAGE;
  const self = panel({
    title: "Timeline",
    className: "span-8",
    empty: "Nothing happened yet.",
    isEmpty: ({ data }) => !data.length,
    load: () => ask(`${path}/timeline?limit=${limit}`),
    render: () => h("div", {}, list, more),
    update: ({ data, after }) => {
      more.hidden = !after || limit >= MOST;
      keyed(list, data, { key: keyOf, create: entry, update: () => {} });
    },
  });

  async function showMore() {
    const before = list.children.length;
    limit = Math.min(MOST, limit + 3 * PAGE);
    await self.refresh();
    const next = list.children[before];
    next?.setAttribute("tabindex", "-1");
    next?.focus();
  }

  return self;
}

/** A corrected fact is another entry: what it says is part of the key. */
const keyOf = (fact) => JSON.stringify(fact);

function entry(fact) {
  const [what, how, amount] = fact.kind === "transaction" ? bought(fact) : contacted(fact);
  return h(
    "li",
    {},
    h("time", { datetime: fact.occurred_at, title: exact(fact.occurred_at) }, moment(fact.occurred_at)),
    h("span", {}, h("b", {}, what), how ? h("span", { class: "muted" }, ` · ${how}`) : null),
    h("span", { class: "number" }, amount),
  );
}

function bought(fact) {
  const what = fact.product_id ?? fact.category ?? "something";
  const verb = fact.amount < 0 ? "Refunded" : "Bought";
  return [`${verb} ${what}`, counted(fact.quantity, "unit"), money(fact.amount, fact.currency)];
}

function contacted(fact) {
  const times = fact.count === 1 ? "" : `, ${counted(fact.count, "time")}`;
  return [fact.channel, `${fact.product ? `about ${fact.product}` : "about the products of the month"}${times}`,
    fact.revenue === null ? "" : money(fact.revenue, "EUR")];
}
