/** A number per day, as columns over time; the same as a table for who can't see it or wants to copy it. */

import { h, keyed, setText } from "../dom.js";
import { compact, day as inWords } from "../format.js";

const DAY_SECONDS = 86_400;
/** A single day would be as wide as all of them. */
const FEWEST_DAYS = 14;
/** A day without anything has no row: over longer times than this such days are not drawn, either. */
const MOST_DAYS = 400;
const HEIGHT = 220;
const REDRAW = "redraw";

/** Give the charts below an element the colours of the theme that is on now: a canvas can't take them from a style. */
export function recolour(element) {
  element.querySelectorAll(".chart").forEach((canvas) => canvas.dispatchEvent(new Event(REDRAW)));
}

/**
 * @typedef {{day: string, value: number, text: string}} Day oldest first; text: all that there is to say of it
 * @param {{title: string, columns: string[], cells: (row: any) => string[]}} options the table's columns after the day
 * @returns {{element: HTMLElement, update: (days: Day[]) => void}}
 */
export function dayChart({ title, columns, cells }) {
  const readout = h("p", { class: "readout" });
  const canvas = h("div", { class: "chart", tabindex: "0", role: "group" });
  const rows = h("tbody");
  const element = h("figure", {}, readout, canvas, asTable(title, columns, rows));
  let shown = [];
  let plot = null;
  let theme = null;

  function update(days) {
    const kept = plot?.cursor.idx ?? null;
    shown = withoutGaps(days);
    const data = [shown.map((one) => secondsOf(one.day)), shown.map((one) => one.value)];
    if (plot) plot.setData(data);
    else draw(data);
    if (kept === null) tell(null);
    canvas.setAttribute("aria-label", `${title}, ${inWords(shown[0].day)} to ${inWords(shown.at(-1).day)}. Arrow keys go from day to day.`);
    keyed(rows, days.slice().reverse(), {
      key: (one) => one.day,
      create: (one) => h("tr", {}, h("th", { scope: "row" }, inWords(one.day)), ...columns.map(() => h("td", { class: "number" }))),
      update: (row, one) => cells(one).forEach((text, index) => setText(row.children[index + 1], text, { quietly: true })),
    });
  }

  function tell(index) {
    const one = shown[index ?? shown.length - 1];
    readout.replaceChildren(h("b", {}, inWords(one.day)), ` · ${one.text}`);
  }

  function step(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !plot) return;
    event.preventDefault();
    const index = Math.min(shown.length - 1, Math.max(0, (plot.cursor.idx ?? shown.length - 1) + by));
    plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top: HEIGHT / 2 });
    tell(index);
  }

  function draw(data) {
    plot?.destroy();
    theme = currentTheme();
    plot = drawn(canvas, data, tell);
  }

  canvas.addEventListener("keydown", step);
  canvas.addEventListener(REDRAW, () => plot && theme !== currentTheme() && draw(plot.data));
  new ResizeObserver(() => plot?.setSize({ width: canvas.clientWidth, height: HEIGHT })).observe(canvas);
  return { element, update };
}

function asTable(title, columns, rows) {
  const heads = ["Day", ...columns].map((name, index) => h("th", { scope: "col", class: index ? "number" : null }, name));
  const table = h("table", {}, h("caption", { class: "unseen" }, title), h("thead", {}, h("tr", {}, ...heads)), rows);
  const scroll = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title} as a table` }, table);
  return h("details", {}, h("summary", {}, "Show as a table"), scroll);
}

function drawn(canvas, data, tell) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const font = `12px ${colour("--font")}`;
  const axis = { font, stroke: colour("--muted"), ticks: { show: false } };
  return new uPlot(
    {
      width: canvas.clientWidth || 600,
      height: HEIGHT,
      padding: [8, 0, 0, 0],
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { range: (plot) => around(plot.data[0]) }, y: { range: (_, from, to) => [Math.min(0, from), to * 1.05 || 1] } },
      axes: [
        { ...axis, grid: { show: false }, values: (_, splits) => splits.map(tick), space: 70, size: 30 },
        { ...axis, grid: { stroke: colour("--line"), width: 1 }, values: (_, splits) => splits.map(compact), size: 48 },
      ],
      series: [{}, { paths: uPlot.paths.bars({ size: [0.7, 40], radius: 0.25 }), fill: colour("--accent"), width: 0, points: { show: false } }],
      hooks: { setCursor: [(plot) => tell(plot.cursor.idx ?? null)] },
    },
    data,
    canvas,
  );
}

const currentTheme = () => document.documentElement.dataset.theme;

const tickFormat = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const yearFormat = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric", timeZone: "UTC" });

function tick(seconds, index, all) {
  const wide = all.length > 1 && all[1] - all[0] > 27 * DAY_SECONDS;
  return (wide ? yearFormat : tickFormat).format(seconds * 1000);
}

function around(days) {
  const [first, last] = [days[0], days.at(-1)];
  const missing = Math.max(0, (FEWEST_DAYS - 1) * DAY_SECONDS - (last - first));
  return [first - (missing + DAY_SECONDS) / 2, last + (missing + DAY_SECONDS) / 2];
}

const secondsOf = (day) => Date.parse(`${day}T00:00:00Z`) / 1000;

/** Days on which nothing happened have no row: they are nothing all the same. */
function withoutGaps(days) {
  const first = secondsOf(days[0].day);
  const length = (secondsOf(days.at(-1).day) - first) / DAY_SECONDS + 1;
  if (length > MOST_DAYS) return days;
  const known = new Map(days.map((one) => [one.day, one]));
  return Array.from({ length }, (_, index) => {
    const day = new Date((first + index * DAY_SECONDS) * 1000).toISOString().slice(0, 10);
    return known.get(day) ?? { day, value: 0, text: "nothing" };
  });
}
