/** Everything is put together here: the live connection, the search, the pages, and which of them is shown. */

import { recolour } from "./charts/days.js";
import { announce, h } from "./dom.js";
import { keepTimesTrue } from "./format.js";
import { Live } from "./live.js";
import { customerPage } from "./pages/customer.js";
import { homePage } from "./pages/home.js";
import { customerHash, routeOf } from "./router.js";
import { startSearch } from "./search.js";
import { dropToken, token } from "./session.js";
import { signIn } from "./signin.js";
import { showStatus } from "./status.js";

/**
 * @typedef {Object} Page
 * @property {string} title
 * @property {HTMLElement} element
 * @property {() => void} start follow what it shows
 * @property {() => void} stop
 * @property {(message: string) => void} lose the connection is lost: say so
 * @property {() => void} renew the connection is back: catch up
 */

const NAME = "Live Customer 360";

const main = document.getElementById("main");
const signOut = document.getElementById("sign-out");
const live = new Live();
/** The overview stays as it is while a customer is shown: going back is instant, and leads to the same place. */
const home = { page: homePage(live), scrolled: 0 };
let shown = null;

function show(route, { first = false } = {}) {
  if (shown === home.page) home.scrolled = scrollY;
  shown?.stop();
  shown = pageOf(route);
  main.replaceChildren(shown.element);
  recolour(main);
  document.title = shown === home.page ? NAME : `${shown.title} · ${NAME}`;
  shown.start();
  scrollTo(0, shown === home.page ? home.scrolled : 0);
  if (!first) {
    shown.element.querySelector("h1")?.focus({ preventScroll: true });
    announce(shown.title);
  }
}

function pageOf(route) {
  switch (route.name) {
    case "home": return home.page;
    case "customer": return customerPage(live, route.customerId, { askForToken });
    default: return lostPage();
  }
}

function lostPage() {
  live.follow("view=overview", () => {});
  return {
    title: "Nothing here",
    element: h("div", { class: "hint" }, h("h1", { tabindex: "-1" }, "Nothing here"), h("a", { href: "#/" }, "To the overview")),
    start() {},
    stop() {},
    lose() {},
    renew() {},
  };
}

/** With another token everything is asked anew. */
function begin({ first = false } = {}) {
  signOut.hidden = !token();
  home.page = homePage(live);
  shown = null;
  show(routeOf(location.hash), { first });
}

async function askForToken({ reason = "", needed = true } = {}) {
  if (await signIn({ reason, needed })) begin();
}

live.addEventListener("refused", ({ detail: trouble }) => {
  const reason = token() ? trouble.message : "";
  dropToken();
  signOut.hidden = true;
  askForToken({ reason });
});
let wasLost = false;
live.addEventListener("state", ({ detail: state }) => {
  if (state.name === "live" && wasLost) shown.renew();
  if (state.name === "lost") shown.lose(state.reason);
  wasLost = state.name === "lost";
});
signOut.addEventListener("click", () => {
  dropToken();
  begin();
});
addEventListener("themechange", () => recolour(main));
addEventListener("hashchange", () => show(routeOf(location.hash)));

keepTimesTrue();
showStatus(live);
startSearch((customerId) => (location.hash = customerHash(customerId)));
begin({ first: true });
