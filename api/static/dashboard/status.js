/** Is it live? The mark in the header, and the banner that says since when it is not. */

import { announce, h } from "./dom.js";
import { clock } from "./format.js";

/** @param {import("./live.js").Live} live */
export function showStatus(live) {
  const pulse = document.getElementById("pulse");
  const banner = document.getElementById("banner");
  const until = h("span", { class: "muted" });
  let before = "connecting";

  live.addEventListener("state", ({ detail: state }) => {
    pulse.dataset.state = state.name;
    pulse.textContent = { connecting: "Connecting", live: "Live", lost: "Disconnected" }[state.name];
    banner.hidden = state.name !== "lost";
    document.body.classList.toggle("disconnected", state.name === "lost");
    if (state.name === "lost") {
      banner.replaceChildren(said(state, until, live));
      count(until, state);
    }
    if (state.name !== before && state.name === "lost") announce("Disconnected. What you see may be out of date.");
    if (state.name === "live" && before === "lost") announce("Connected again.");
    before = state.name;
  });
  setInterval(() => live.state.name === "lost" && count(until, live.state), 1000);
}

function said(state, until, live) {
  return h(
    "div",
    {},
    h("strong", {}, `Disconnected since ${clock(state.since)}.`),
    h("span", {}, `${state.reason} What you see may be out of date.`),
    until,
    h("button", { class: "quiet", type: "button", onclick: () => live.retryNow() }, "Try now"),
  );
}

function count(element, state) {
  const seconds = Math.ceil((state.retryAt - Date.now()) / 1000);
  element.textContent = seconds > 0 ? `Next attempt in ${seconds} s.` : "Trying…";
}
