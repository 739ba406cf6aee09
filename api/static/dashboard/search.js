/** The search for a customer: a combobox that opens the 360. "/" goes there from anywhere. */

import { ask } from "./api.js";
import { h } from "./dom.js";
import { count } from "./format.js";

const PAUSE_MS = 150;
const MOST = 8;

/** @param {(customerId: string) => void} open */
export function startSearch(open) {
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  const box = list.parentElement;
  const note = box.querySelector(".found-note");
  let asking = new AbortController();
  let timer;
  let found = [];
  let selected = -1;

  function later() {
    clearTimeout(timer);
    asking.abort();
    const term = input.value.trim();
    if (!term) return close();
    asking = new AbortController();
    timer = setTimeout(() => look(term, asking.signal), PAUSE_MS);
  }

  async function look(term, signal) {
    try {
      const answer = await ask(`search?q=${encodeURIComponent(term)}&limit=${MOST}`, { signal });
      found = answer.data.map((customer) => String(customer.customer_id));
      show(answer.data.map(option), foundNote(found.length));
      select(found.length ? 0 : -1);
    } catch (error) {
      if (error.name !== "AbortError") show([], error.message);
    }
  }

  function foundNote(number) {
    if (number === MOST) return `The first ${count(MOST)}: type more of the id to narrow it down.`;
    return number ? "" : "No customer has an id that begins so.";
  }

  function option(customer, index) {
    const name = [customer.first_name, customer.last_name].filter(Boolean).join(" ");
    const groups = [name, customer.customer_type, customer.segment, customer.country].filter(Boolean);
    return h(
      "li",
      { role: "option", id: `found-${index}`, "aria-selected": "false", onpointerdown: (event) => choose(event, index) },
      h("b", {}, customer.customer_id),
      h("span", { class: "muted" }, groups.join(" · ") || "known by what it did"),
    );
  }

  function show(options, text) {
    list.replaceChildren(...options);
    note.textContent = text;
    box.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }

  function close() {
    clearTimeout(timer);
    asking.abort();
    found = [];
    select(-1);
    box.hidden = true;
    input.setAttribute("aria-expanded", "false");
  }

  function select(index) {
    selected = index;
    [...list.children].forEach((child, place) => child.setAttribute("aria-selected", place === index));
    if (index >= 0 && list.children[index]) input.setAttribute("aria-activedescendant", `found-${index}`);
    else input.removeAttribute("aria-activedescendant");
  }

  function choose(event, index) {
    event.preventDefault();
    const customerId = found[index] ?? input.value.trim();
    if (!customerId) return;
    close();
    input.value = "";
    input.blur();
    open(customerId);
  }

  function onKey(event) {
    if (event.key === "Enter") choose(event, selected);
    if (event.key === "Escape") {
      close();
      input.value = "";
      input.blur();
    }
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && found.length) {
      event.preventDefault();
      select((selected + by + found.length) % found.length);
    }
  }

  input.addEventListener("input", later);
  input.addEventListener("keydown", onKey);
  input.addEventListener("blur", close);
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, dialog");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
}
