/** The first page: is it live, how much, what changed, who. */

import { ask } from "../api.js";
import { barTable } from "../charts/bars.js";
import { dayChart } from "../charts/days.js";
import { heatTable } from "../charts/heat.js";
import { choice } from "../choice.js";
import { coalesced } from "../coalesce.js";
import { h, keyed, setText } from "../dom.js";
import { count, counted, money } from "../format.js";
import { panel } from "../panel.js";
import { pipeline } from "./pipeline.js";
import { tiles, total } from "./tiles.js";

const REFRESH_MS = 1000;
const DAYS = 90;
const PRODUCTS = 10;
const CUSTOMERS = 10;

/**
 * @param {import("../live.js").Live} live
 * @returns {import("../main.js").Page}
 */
export function homePage(live) {
  const numbers = tiles();
  const flow = pipeline(live);
  const channels = channelPanel();
  const sales = salesPanel();
  const interest = interestPanel();
  const top = topPanel();
  const others = [sales, interest, top];
  const refresh = coalesced(async () => {
    await Promise.all(others.map((one) => one.refresh()));
  }, REFRESH_MS);
  let latest = null;

  function show(overview) {
    numbers.show(overview);
    flow.show(overview);
    channels.show(overview.channels);
    sales.know(overview.sales);
    if (!latest || total(overview.events) !== total(latest.events)) refresh();
    latest = overview;
  }

  return {
    title: "Overview",
    element: h(
      "div",
      { class: "page" },
      h("h1", { class: "unseen", tabindex: "-1" }, "Overview"),
      numbers.element,
      flow.element,
      h("div", { class: "grid" }, sales.element, channels.element, interest.element, top.element),
    ),
    start() {
      flow.start();
      live.follow("view=overview", show);
    },
    stop: flow.stop,
    lose: (message) => [channels, ...others].forEach((one) => one.fail({ message })),
    renew() {
      if (latest) channels.show(latest.channels);
      refresh();
    },
  };
}

function channelPanel() {
  const table = barTable({ caption: "Interactions of all customers by channel", of: "Channel" });
  return panel({
    title: "Interactions by channel",
    className: "span-4 tall",
    empty: "No channel yet: nobody was in touch.",
    isEmpty: (channels) => !channels.length,
    render: () => table.element,
    update: (channels) => table.update(
      channels.map(({ channel, interactions }) => ({ name: channel, value: interactions }))
        .sort((one, other) => other.value - one.value)),
  });
}

function salesPanel() {
  const currency = choice("Currency", () => self.refresh());
  const chart = dayChart({
    title: "Sales per day",
    columns: ["Revenue", "Orders", "Customers"],
    cells: ({ row }) => [money(row.revenue, row.currency), count(row.orders), count(row.customers)],
  });
  const self = panel({
    title: "Sales per day",
    className: "span-8 tall",
    aside: [currency.element],
    empty: "Nothing was sold yet.",
    isEmpty: (days) => !days.length,
    load: async () => (await ask(`daily_sales?sort=-day&limit=${DAYS}${narrowed()}`)).data.reverse(),
    render: () => chart.element,
    update: (days) => chart.update(days.map((row) => ({ day: row.day, value: row.revenue, text: inWords(row), row }))),
  });
  const narrowed = () => (currency.value ? `&currency=${encodeURIComponent(currency.value)}` : "");
  const inWords = (row) =>
    `${money(row.revenue, row.currency)}, ${counted(row.orders, "order")}, ${counted(row.customers, "customer")}`;
  return {
    ...self,
    know: (sales) => currency.offer(sales.slice(0, 5).map((one) => [one.currency, one.currency])),
  };
}

function interestPanel() {
  let rows = [];
  const measure = choice("Measure", () => show());
  measure.offer([["interactions", "Interactions"], ["customers", "Customers"]]);
  const note = h("p", { class: "note" });
  const table = heatTable({ caption: "Product interest by customer type", corner: "Product" });
  const show = () => {
    const cells = rows.map((row) => ({ row: row.product, column: row.customer_type, value: row[measure.value] }));
    const all = table.update(cells, PRODUCTS);
    note.textContent = all > PRODUCTS ? `The first ${PRODUCTS} of ${count(all)} products.` : "";
  };
  return panel({
    title: "Product interest by customer type",
    className: "span-7 tall",
    aside: [measure.element],
    empty: "Nobody has talked about a product yet.",
    isEmpty: (data) => !data.length,
    load: async () => (await ask("product-interactions")).data,
    render: () => h("div", {}, table.element, note),
    update: (data) => {
      rows = data;
      show();
    },
  });
}

function topPanel() {
  const rows = h("tbody");
  const heads = [["Customer"], ["Orders", "number"], ["Lifetime value", "number"]];
  const table = h(
    "table",
    { class: "who" },
    h("caption", { class: "unseen" }, "The customers who bought most"),
    h("thead", {}, h("tr", {}, ...heads.map(([name, css]) => h("th", { scope: "col", class: css }, name)))),
    rows,
  );
  return panel({
    title: "Top customers",
    className: "span-5 tall",
    empty: "Nobody has bought anything yet.",
    isEmpty: (data) => !data.length,
    load: async () => (await ask(`top_customers?limit=${CUSTOMERS}`)).data,
    render: () => table,
    update: (data) => keyed(rows, data, { key: (row) => row.customer_id, create: customerRow, update: fillCustomer }),
  });
}

function customerRow(row) {
  const link = h("a", { href: `#/customers/${encodeURIComponent(row.customer_id)}` });
  return h(
    "tr",
    {},
    h("td", {}, link, h("small")),
    h("td", { class: "number" }),
    h("td", { class: "number" }),
  );
}

function fillCustomer(element, row) {
  const [who, orders, value] = element.children;
  const name = [row.first_name, row.last_name].filter(Boolean).join(" ");
  const groups = [name, row.customer_type, row.segment, row.country].filter(Boolean);
  setText(who.firstChild, String(row.customer_id), { quietly: true });
  setText(who.lastChild, groups.join(" · "), { quietly: true });
  setText(orders, count(row.orders));
  setText(value, money(row.lifetime_value));
}
