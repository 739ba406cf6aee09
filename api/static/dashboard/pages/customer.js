/** Everything about one customer, as it changes. */

import { ask } from "../api.js";
import { barTable } from "../charts/bars.js";
import { dayChart } from "../charts/days.js";
import { choice } from "../choice.js";
import { coalesced } from "../coalesce.js";
import { h, keyed, setText } from "../dom.js";
import { count, counted, day, exact, moment, money } from "../format.js";
import { panel } from "../panel.js";
import { nextBestPanel, periodsPanel } from "./outlook.js";
import { profilePanel } from "./profile.js";
import { tile } from "./tiles.js";
import { timelinePanel } from "./timeline.js";

const REFRESH_MS = 500;
const DAYS = 365;
const TOPICS = 8;
/** What the chart of days may show: names of fields, and what they are called. */
const MEASURES = { revenue: "Revenue", interactions: "Interactions" };

/**
 * @param {import("../live.js").Live} live
 * @param {string} customerId
 * @param {{askForToken: (options: {needed: boolean}) => void}} options
 * @returns {import("../main.js").Page}
 */
export function customerPage(live, customerId, { askForToken }) {
  const path = `customers/${encodeURIComponent(customerId)}`;
  const head = heading(customerId);
  const numbers = numberTiles();
  const profile = profilePanel(() => askForToken({ needed: false }));
  const revenue = revenuePanel(path);
  const groups = [channelPanel(), topicPanel(), categoryPanel()];
  const timeline = timelinePanel(path);
  const outlook = [periodsPanel(), nextBestPanel()];
  const segments = segmentPanel();
  const told = [profile, ...groups, ...outlook, segments];
  const asked = [revenue, timeline];
  let latest = null;
  const known = h(
    "div",
    { class: "page" },
    numbers.element,
    h(
      "div",
      { class: "grid" },
      profile.element,
      revenue.element,
      ...groups.map((group) => group.element),
      ...outlook.map((part) => part.element),
      timeline.element,
      segments.element,
    ),
  );
  const unknown = h(
    "div",
    { class: "card" },
    h("div", { class: "hint" }, h("p", {}, `No event has named customer ${customerId} yet.`),
      h("p", {}, "When one does, it appears here by itself.")),
  );
  const contents = h("div", {}, known);
  const refresh = coalesced(async () => {
    await Promise.all(asked.map((part) => part.refresh()));
  }, REFRESH_MS);

  function show(customer) {
    latest = customer;
    contents.replaceChildren(customer ? known : unknown);
    if (!customer) return;
    head.show(customer);
    numbers.show(customer);
    told.forEach((part) => part.show(customer));
    refresh();
  }

  return {
    title: `Customer ${customerId}`,
    element: h("div", { class: "page" }, head.element, contents),
    start: () => live.follow(`customer_id=${encodeURIComponent(customerId)}`, show),
    stop() {},
    lose: (message) => [...told, ...asked].forEach((part) => part.fail({ message })),
    renew: () => latest && show(latest),
  };
}

function heading(customerId) {
  const name = h("span", { class: "muted" });
  const chips = h("ul", { class: "chips", "aria-label": "Groups" });
  const element = h(
    "div",
    { class: "title" },
    h("a", { class: "back", href: "#/" }, "← Overview"),
    h("h1", { tabindex: "-1" }, `Customer ${customerId}`),
    name,
    chips,
  );

  function show(customer) {
    setText(name, [customer.first_name, customer.last_name].filter(Boolean).join(" "));
    const groups = [customer.customer_type, customer.segment, customer.industry, customer.country].filter(Boolean);
    chips.hidden = !groups.length;
    keyed(chips, groups, { key: (text) => text, create: (text) => h("li", {}, text), update: () => {} });
  }

  return { element, show };
}

function numberTiles() {
  const value = tile("Lifetime value");
  const orders = tile("Orders");
  const interactions = tile("Interactions");
  const last = tile("Last seen");

  function show(customer) {
    const { purchases, channels } = customer;
    value.show(money(customer.lifetime_value), purchases ? `${money(purchases.average_order)} per order` : "bought nothing yet");
    orders.show(count(purchases?.orders ?? 0), purchases ? `since ${day(purchases.first_purchase_date)}` : "");
    const contacts = channels.reduce((sum, one) => sum + one.interactions, 0);
    interactions.show(count(contacts), channels.length ? `on ${counted(channels.length, "channel")}` : "");
    const seen = [...channels.map((one) => one.last_at.slice(0, 10)), purchases?.last_purchase_date].filter(Boolean).sort();
    const began = [...channels.map((one) => one.first_at.slice(0, 10)), purchases?.first_purchase_date].filter(Boolean).sort();
    last.show(seen.length ? day(seen.at(-1)) : "Never", began.length ? `first on ${day(began[0])}` : "");
  }

  const element = h("dl", { class: "tiles" }, value.element, orders.element, interactions.element, last.element);
  return { element, show };
}

function revenuePanel(path) {
  let days = [];
  const measure = choice("Measure", () => draw());
  const chart = dayChart({
    title: "Revenue per day",
    columns: ["Revenue", "Interactions"],
    cells: ({ row }) => [money(row.revenue), count(row.interactions)],
  });
  const self = panel({
    title: "Revenue per day",
    className: "span-8 tall",
    empty: "Nothing happened yet.",
    aside: [measure.element],
    isEmpty: (data) => !data.length,
    load: async () => (await ask(`${path}/daily_revenue?limit=${DAYS}`)).data.reverse(),
    render: () => chart.element,
    update: (data) => {
      days = data;
      // What the customer never did is no choice.
      measure.offer(Object.entries(MEASURES).filter(([name]) => days.some((row) => row[name] !== 0)));
      draw();
    },
  });
  const draw = () => chart.update(days.map((row) => ({
    day: row.day,
    value: row[measure.value || "revenue"],
    text: `${money(row.revenue)}, ${counted(row.interactions, "interaction")}`,
    row,
  })));
  return self;
}

function barPanel({ title, of, empty, bars }) {
  const table = barTable({ caption: title, of });
  return panel({
    title,
    className: "span-4",
    empty,
    isEmpty: (customer) => !bars(customer).length,
    render: () => table.element,
    update: (customer) => table.update(bars(customer)),
  });
}

function channelPanel() {
  return barPanel({
    title: "Channels",
    of: "Channel",
    empty: "Was never in touch.",
    bars: ({ channels }) => channels.map((one) => ({ name: one.channel, value: one.interactions })),
  });
}

function topicPanel() {
  return barPanel({
    title: "Topics",
    of: "Product",
    empty: "Talked about no product.",
    bars: ({ topics }) => topics.slice(0, TOPICS).map((one) => ({ name: one.product, value: one.interactions })),
  });
}

function categoryPanel() {
  return barPanel({
    title: "Purchases by category",
    of: "Category",
    empty: "Bought nothing yet.",
    bars: ({ categories }) => categories.slice(0, TOPICS).map((one) => ({
      name: one.category, value: one.amount, text: money(one.amount),
    })),
  });
}

function segmentPanel() {
  const list = h("ol", { class: "timeline" });
  return panel({
    title: "Moves between segments",
    className: "span-4 short",
    empty: "Never moved.",
    isEmpty: ({ segment_changes: moves }) => !moves.length,
    render: () => list,
    update: ({ segment_changes: moves }) => keyed(list, moves, {
      key: (move) => move.changed_at,
      create: (move) => h("li", {},
        h("time", { datetime: move.changed_at, title: exact(move.changed_at) }, moment(move.changed_at)),
        h("span", {}, `${move.old_segment ?? "none"} → `, h("b", {}, move.new_segment ?? "none"))),
      update: () => {},
    }),
  });
}
