/** Numbers by two names: a table whose cells are the stronger in colour the larger they are. */

import { h, keyed, setText } from "../dom.js";
import { count } from "../format.js";

/**
 * @typedef {{row: string, column: string, value: number}} Cell
 * @param {{caption: string, corner: string}} options
 * @returns {{element: HTMLElement, update: (cells: Cell[], most: number) => number}} update: shows the `most` largest
 *     rows, and returns how many there are altogether.
 */
export function heatTable({ caption, corner }) {
  const head = h("tr");
  const rows = h("tbody");
  const table = h("table", { class: "heat" }, h("caption", { class: "unseen" }, caption), h("thead", {}, head), rows);
  const element = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${caption}, the table` }, table);

  function update(cells, most) {
    const columns = [...new Set(cells.map((cell) => cell.column))].sort();
    const sums = new Map();
    for (const cell of cells) sums.set(cell.row, (sums.get(cell.row) ?? 0) + cell.value);
    const names = [...sums.keys()].sort((one, other) => sums.get(other) - sums.get(one) || one.localeCompare(other));
    const values = new Map(cells.map((cell) => [JSON.stringify([cell.row, cell.column]), cell.value]));
    const largest = Math.max(...cells.map((cell) => cell.value), 1);
    keyed(head, [corner, ...columns], {
      key: (name) => name,
      create: (name) => h("th", { scope: "col" }, name),
      update: () => {},
    });
    keyed(rows, names.slice(0, most), {
      key: (name) => name,
      create: (name) => h("tr", {}, h("th", { scope: "row" }, name)),
      update: (row, name) => fill(row, columns.map((column) => values.get(JSON.stringify([name, column])) ?? 0), largest),
    });
    return names.length;
  }

  return { element, update };
}

function fill(row, values, largest) {
  while (row.children.length > values.length + 1) row.lastChild.remove();
  values.forEach((value, index) => {
    const cell = row.children[index + 1] ?? row.appendChild(h("td"));
    cell.style.setProperty("--heat", (value / largest).toFixed(3));
    setText(cell, count(value), { quietly: true });
  });
}
