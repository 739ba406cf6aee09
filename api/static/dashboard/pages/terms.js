/** Labels with what stands behind each, line by line. */

import { h, keyed, setText } from "../dom.js";

/** @returns {{element: HTMLElement, update: (lines: {name: string, label: string, text: string}[]) => void}} */
export function termList() {
  const element = h("dl", { class: "terms" });

  function update(lines) {
    keyed(element, lines.flatMap(terms), {
      key: (term) => term.key,
      create: (term) => h(term.tag),
      update: (node, term) => setText(node, term.text, { quietly: term.tag === "dt" }),
    });
  }

  return { element, update };
}

const terms = ({ name, label, text }) => [
  { key: `${name}-label`, tag: "dt", text: label },
  { key: name, tag: "dd", text },
];
