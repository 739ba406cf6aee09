/** What a customer brings in, and what comes next. */

import { count, money, share } from "../format.js";
import { panel } from "../panel.js";
import { termList } from "./terms.js";

/** Fields of the revenue by period, and what they are called. */
const PERIODS = {
  month_to_date: "This month so far",
  last_month: "Last month",
  year_to_date: "This year so far",
  last_quarter: "Last quarter",
  quarter_before: "The quarter before",
};

export function periodsPanel() {
  const list = termList();
  return panel({
    title: "Revenue by period",
    className: "span-6",
    render: () => list.element,
    update: ({ revenue }) => list.update([
      ...Object.entries(PERIODS).map(([name, label]) => ({ name, label, text: money(revenue[name]) })),
      { name: "change", label: "Quarter over quarter", text: change(revenue.quarter_over_quarter) },
    ]),
  });
}

const change = (percent) => (percent === null ? "nothing to compare with" : `${percent > 0 ? "+" : ""}${share(percent / 100)}`);

export function nextBestPanel() {
  const list = termList();
  return panel({
    title: "Next best category",
    className: "span-6",
    empty: "Nobody bought anything yet, as far as the last refresh knows.",
    isEmpty: ({ next_best_category: next }) => !next,
    render: () => list.element,
    update: ({ next_best_category: next }) => list.update([
      { name: "category", label: "Most likely next", text: next.category },
      { name: "probability", label: "Probability", text: `${share(next.probability)} (${share(next.popularity)} of all purchases)` },
      { name: "before", label: "Bought before", text: next.bought_before ? "yes" : "no" },
      ...next.evidence.map((one) => ({
        name: `after ${one.category}`,
        label: `After ${one.category} (${count(one.purchases)} of the last 5)`,
        text: `followed ${count(one.times)} times, ${one.lift.toFixed(2)} × as often as by chance`,
      })),
    ]),
  });
}
