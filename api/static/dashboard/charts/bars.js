/** Amounts side by side: a table whose rows have a bar, so that it reads as well as it looks. */

import { h, keyed, setText } from "../dom.js";
import { count, share } from "../format.js";

/**
 * @typedef {{name: string, value: number, text?: string}} Bar text: the value in words, where it is more than a count
 * @param {{caption: string, of: string}} options caption: what the table is; of: what the names are
 * @returns {{element: HTMLElement, update: (bars: Bar[]) => void}}
 */
export function barTable({ caption, of }) {
  const rows = h("tbody");
  const heads = [of, "", "Amount", "Share"].map((text) =>
    text ? h("th", { scope: "col" }, text) : h("td"));
  const element = h(
    "table",
    { class: "bars" },
    h("caption", { class: "unseen" }, caption),
    h("thead", { class: "unseen" }, h("tr", {}, ...heads)),
    rows,
  );

  function update(bars) {
    const largest = Math.max(...bars.map((bar) => bar.value), 0) || 1;
    const total = bars.reduce((sum, bar) => sum + Math.max(0, bar.value), 0) || 1;
    keyed(rows, bars, { key: (bar) => bar.name, create: barRow, update: (row, bar) => fill(row, bar, largest, total) });
  }

  return { element, update };
}

function barRow(bar) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, bar.name),
    h("td", { class: "bar", "aria-hidden": "true" }, h("span", { class: "track" }, h("span", { class: "fill" }))),
    h("td", { class: "number" }),
    h("td", { class: "number share" }),
  );
}

function fill(row, bar, largest, total) {
  const [, track, value, part] = row.children;
  track.querySelector(".fill").style.setProperty("--share", Math.max(0, bar.value / largest).toFixed(4));
  setText(value, bar.text ?? count(bar.value));
  setText(part, share(Math.max(0, bar.value) / total), { quietly: true });
}
