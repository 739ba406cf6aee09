/** A line without axes: how something went lately. What it says in numbers stands beside it. */

import { svg } from "../dom.js";

const WIDTH = 110;
const HEIGHT = 26;

/** @returns {{element: SVGElement, update: (values: number[]) => void}} */
export function spark() {
  const line = svg("path", { fill: "none", stroke: "currentColor", "stroke-width": "1.75", "stroke-linejoin": "round" });
  const area = svg("path", { fill: "currentColor", opacity: "0.12" });
  const element = svg(
    "svg",
    { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    area,
    line,
  );

  function update(values) {
    const largest = Math.max(...values, 1);
    const points = values.map((value, index) => {
      const x = (index / Math.max(1, values.length - 1)) * WIDTH;
      return `${x.toFixed(1)},${(HEIGHT - 1.5 - (value / largest) * (HEIGHT - 4)).toFixed(1)}`;
    });
    line.setAttribute("d", `M${points.join("L")}`);
    area.setAttribute("d", `M0,${HEIGHT}L${points.join("L")}L${WIDTH},${HEIGHT}Z`);
  }

  return { element, update };
}
