/** Making and changing elements. Text goes in as text: nothing that an event said can become markup. */

/**
 * Make an element.
 * @param {string} tag
 * @param {Object<string, any>} [properties] attributes; `on*` are listeners, null and false leave an attribute out.
 * @param {...(Node|string|number|null|Array)} children null is left out.
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** As `h`, for SVG. @returns {SVGElement} */
export function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Change the text of an element where it is another one, and let the change be seen.
 * @param {HTMLElement} element
 * @param {string} text
 * @param {{quietly?: boolean}} [options] quietly: without the highlight.
 */
export function setText(element, text, { quietly = false } = {}) {
  if (element.textContent === text) return;
  const first = element.textContent === "" || element.textContent === NOTHING;
  element.textContent = text;
  if (!first && !quietly) highlight(element);
}

/** What stands where nothing is known yet. */
export const NOTHING = "–";

/** Let a change be seen for a moment. */
function highlight(element) {
  if (element.classList.contains("changed")) return;
  element.classList.add("changed");
  element.addEventListener("animationend", () => element.classList.remove("changed"), { once: true });
  // Without motion there is no end of an animation.
  if (getComputedStyle(element).animationName === "none") element.classList.remove("changed");
}

/**
 * Bring the children of an element into line with a list: elements of the same key stay, so focus stays, too.
 * @template T
 * @param {HTMLElement} parent
 * @param {T[]} items
 * @param {{key: (item: T) => string, create: (item: T) => HTMLElement, update: (element: HTMLElement, item: T) => void}} how
 */
export function keyed(parent, items, { key, create, update }) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = known.get(name);
    known.delete(name);
    if (!child) {
      child = create(item);
      child.dataset.key = name;
    }
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of known.values()) gone.remove();
}

/** Say something to whoever listens to the page instead of looking at it. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
