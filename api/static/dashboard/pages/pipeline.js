/** Is it live: how fast events come in, how far the totals are behind, when they last changed, what was refused. */

import { ask } from "../api.js";
import { spark } from "../charts/spark.js";
import { NOTHING, h, setText } from "../dom.js";
import { count, rate, setAgo, share } from "../format.js";
import { total } from "./tiles.js";

const TICK_MS = 1000;
/** What waits in Kafka is asked so often, while anybody looks. */
const LAG_MS = 2000;
/** Seconds over which the rate is taken, and that the line shows. */
const RATE_SECONDS = 5;
const LINE_SECONDS = 60;

/**
 * @param {import("../live.js").Live} live
 * @returns {{element: HTMLElement, show: (overview: any) => void, start: () => void, stop: () => void}}
 */
export function pipeline(live) {
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
  let timers = [];

  function show(overview) {
    if (latest === null) askLag();
    latest = total(overview.events);
    if (overview.committed_at) setAgo(placed(changed.value, changedAt), overview.committed_at);
    else setText(changed.value, "Nothing yet", { quietly: true });
    setText(refused.value, count(overview.refused));
    const all = latest + overview.refused;
    setText(refused.sub, overview.refused ? `${share(overview.refused / all)}, last ` : "", { quietly: true });
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

  async function askLag() {
    if (document.hidden || live.state.name !== "live") return;
    try {
      showLag((await ask("freshness")).data.streams);
    } catch {
      setText(lag.value, NOTHING, { quietly: true });
      setText(lag.sub, "", { quietly: true });
    }
  }

  function showLag(streams) {
    const known = streams.every((stream) => stream.lag_events !== null);
    const events = streams.reduce((sum, stream) => sum + stream.lag_events, 0);
    const seconds = Math.max(...streams.map((stream) => stream.lag_seconds ?? 0));
    setText(lag.value, known ? count(events) : NOTHING, { quietly: true });
    const waits = seconds >= 1 ? `, the oldest for ${count(Math.round(seconds))} s` : "";
    setText(lag.sub, known ? `${events === 1 ? "event" : "events"}${waits}` : "Kafka is away", { quietly: true });
  }

  return {
    element: h("dl", { class: "strip" }, speed.element, lag.element, changed.element, refused.element),
    show,
    start() {
      line.update(Array(LINE_SECONDS).fill(0));
      timers = [setInterval(tick, TICK_MS), setInterval(askLag, LAG_MS)];
    },
    stop() {
      timers.forEach(clearInterval);
    },
  };
}

function item(label) {
  const value = h("span", { class: "value" }, NOTHING);
  const sub = h("span", { class: "sub" });
  const element = h("div", {}, h("dt", {}, label), h("dd", {}, value, " ", sub));
  return { element, value, sub };
}

/** Put the time into the element, behind its text or instead of it. */
function placed(element, time, { after = false } = {}) {
  if (time.parentNode !== element && !after) element.textContent = "";
  element.append(time);
  return time;
}
