/** A small choice between a few things. */

import { h } from "./dom.js";

let made = 0;

/**
 * @param {string} label for who can't see it
 * @param {(value: string) => void} onChoose
 * @returns {{element: HTMLElement, value: string, offer: (options: [string, string][]) => void}} offer: values and
 *     their names; with less than two there is nothing to choose.
 */
export function choice(label, onChoose) {
  const name = `choice-${++made}`;
  const element = h("fieldset", { class: "choice", hidden: true }, h("legend", { class: "unseen" }, label));
  let offered = "";
  const self = {
    element,
    value: "",
    offer(options) {
      if (!options.some(([value]) => value === self.value)) self.value = options[0]?.[0] ?? "";
      element.hidden = options.length < 2;
      if (JSON.stringify(options) === offered) return;
      offered = JSON.stringify(options);
      element.replaceChildren(element.firstChild, ...options.map(([value, text]) => option(value, text)));
    },
  };

  function option(value, text) {
    const input = h("input", { type: "radio", name, value, onchange: () => choose(value) });
    input.checked = value === self.value;
    return h("label", {}, input, h("span", {}, text));
  }

  function choose(value) {
    self.value = value;
    onChoose(value);
  }

  return self;
}
