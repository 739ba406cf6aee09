/** Is it live: how fast events come in, how far the totals are behind, when they last changed, what was refused. */

import { ask } from "../api.js";
import { spark } from "../charts/spark.js";
import { NOTHING, h, setText } from "../dom.js";
import { count, rate, setAgo, share } from "../format.js";
import { total } from "./tiles.js";

const TICK_MS = 1000;
/** Seconds over which the rate is taken, and that the line shows. */
const RATE_SECONDS = 5;
const LINE_SECONDS = 60;

/** @returns {{element: HTMLElement, show: (overview: any) => void, start: () => void, stop: () => void}} */
export function pipeline() {
  const speed = item("Ingesting");
  const line = spark();
  speed.element.append(h("dd", { class: "line" }, line.element));
  const lag = item("Behind");
  const changed = item("Last change");
  const changedAt = h("time");
  const refused = item("Refused");
  const refusedAt = h("time");
  /** Events read in each of the last seconds, newest last. */
  let perSecond = [];
  let latest = null;
  let counted = null;
  let timer = null;

  function show(overview) {
    latest = total(overview.events);
    if (overview.committed_at) setAgo(placed(changed.value, changedAt), overview.committed_at);
    else setText(changed.value, "Nothing yet", { quietly: true });
    setText(refused.value, count(overview.refused));
    const all = latest + overview.refused;
    setText(refused.sub, overview.refused ? `${share(overview.refused / all)}, last ` : "nothing", { quietly: true });
    if (overview.last_refused_at) setAgo(placed(refused.sub, refusedAt, { after: true }), overview.last_refused_at);
  }

  function tick() {
    if (latest === null) return;
    perSecond = [...perSecond, Math.max(0, latest - (counted ?? latest))].slice(-LINE_SECONDS);
    counted = latest;
    const recent = perSecond.slice(-RATE_SECONDS);
    setText(speed.value, rate(recent.reduce((sum, number) => sum + number, 0) / recent.length), { quietly: true });
    setText(speed.sub, "events/s", { quietly: true });
    line.update([...Array(LINE_SECONDS - perSecond.length).fill(0), ...perSecond]);
  }

  return {
    element: h("dl", { class: "strip" }, speed.element, lag.element, changed.element, refused.element),
    show,
    start() {
      line.update(Array(LINE_SECONDS).fill(0));
      timer ??= setInterval(tick, TICK_MS);
    },
    stop() {
      clearInterval(timer);
      timer = null;
    },
  };
}

function item(label) {
  const value = h("span", { class: "value" }, NOTHING);
  const sub = h("span", { class: "sub" });
  const element = h("div", {}, h("dt", {}, label), h("dd", {}, value, sub));
  return { element, value, sub };
}

/** Put the time into the element, behind its text or instead of it. */
function placed(element, time, { after = false } = {}) {
  if (time.parentNode !== element) {
    if (!after) element.textContent = "";
  }
  element.append(time);
  return time;
}
