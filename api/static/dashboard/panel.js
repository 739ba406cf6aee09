/** A card that shows one answer: while it loads, when there is nothing, when it fails, and when it is there. */

import { h } from "./dom.js";

/**
 * @template T
 * @param {Object} options
 * @param {string} options.title
 * @param {string} [options.className]
 * @param {string} [options.empty] what to say when there is nothing
 * @param {(data: T) => boolean} [options.isEmpty]
 * @param {Node[]} [options.aside] beside the title
 * @param {(signal: AbortSignal) => Promise<T>} [options.load] none: data is given to `show`
 * @param {(data: T) => Node} options.render makes the contents, once
 * @param {(data: T) => void} options.update fills them, each time
 * @returns {{element: HTMLElement, show: (data: T) => void, fail: (error: {message: string}) => void, refresh: () => Promise<void>}}
 */
export function panel({ title, className = "", empty, isEmpty = () => false, aside = [], load, render, update }) {
  const name = `panel-${title.toLowerCase().replace(/\W+/g, "-")}`;
  const body = h("div", { class: "body" }, bones());
  const element = h(
    "section",
    { class: `card ${className}`, "aria-labelledby": name, "aria-busy": "true" },
    h("header", {}, h("h2", { id: name }, title), ...aside),
    body,
  );
  let contents = null;

  function show(data) {
    element.removeAttribute("aria-busy");
    element.classList.remove("stale");
    if (isEmpty(data)) {
      contents = null;
      if (body.firstChild?.textContent !== empty) body.replaceChildren(h("p", { class: "hint" }, empty));
      return;
    }
    if (!contents) {
      contents = render(data);
      body.replaceChildren(contents);
    }
    update(data);
  }

  function fail(error) {
    element.removeAttribute("aria-busy");
    if (contents) element.classList.add("stale");
    // Said once, however often it is tried.
    else if (body.firstChild.firstChild?.textContent !== error.message) body.replaceChildren(complaint(error, load && refresh));
  }

  async function refresh() {
    try {
      show(await load());
    } catch (error) {
      if (error.name !== "AbortError") fail(error);
    }
  }

  return { element, show, fail, refresh };
}

function bones() {
  return h("div", { "aria-hidden": "true" }, ...Array.from({ length: 6 }, () => h("div", { class: "bone" })));
}

/** What to say when there is no answer, and a way to ask again. */
function complaint(error, again) {
  return h(
    "div",
    { class: "hint bad", role: "alert" },
    h("p", {}, error.message),
    again ? h("button", { class: "quiet", type: "button", onclick: again }, "Try again") : null,
  );
}
