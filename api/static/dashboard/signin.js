/** The dialog that asks for a token, tries it, and says clearly when it is no good. */

import { ask } from "./api.js";
import { h } from "./dom.js";
import { keepToken } from "./session.js";

let open = null;

/**
 * Ask for a token until there is one that may read.
 * @param {{reason?: string, needed?: boolean}} options needed: nothing can be shown without one.
 * @returns {Promise<boolean>} whether there is a new one
 */
export function signIn({ reason = "", needed = true } = {}) {
  open ??= dialog(reason, needed).finally(() => (open = null));
  return open;
}

function dialog(reason, needed) {
  const wrong = h("p", { class: "wrong", role: "alert", id: "wrong" }, reason);
  const input = h("input", {
    type: "password", name: "token", autocomplete: "off", spellcheck: "false", required: true,
    placeholder: "c360_…", "aria-describedby": "wrong token-note",
  });
  const cancel = needed ? null : h("button", { class: "quiet", type: "button" }, "Cancel");
  const form = h(
    "form",
    { novalidate: true },
    h("h2", { id: "sign-in" }, needed ? "This server asks for a token" : "Use a token"),
    h("p", { class: "muted", id: "token-note" }, "It is kept in this tab until you close it. Operators make one with c360 token create."),
    h("label", {}, "Token", input),
    wrong,
    h("div", { class: "actions" }, cancel, h("button", { type: "submit" }, "Continue")),
  );
  const element = h("dialog", { "aria-labelledby": "sign-in" }, form);
  document.body.append(element);
  element.showModal();
  input.focus();

  return new Promise((resolve) => {
    const end = (signedIn) => {
      element.remove();
      resolve(signedIn);
    };
    element.addEventListener("cancel", (event) => (needed ? event.preventDefault() : end(false)));
    cancel?.addEventListener("click", () => end(false));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      wrong.textContent = await tried(input.value.trim());
      if (!wrong.textContent) end(true);
      else input.select();
    });
  });
}

/** Keep a token that is good; otherwise say what is wrong with it. */
async function tried(text) {
  // What a header can't carry is no token.
  if (!/^[\x21-\x7e]+$/.test(text)) return "This is no token: it looks like c360_ and letters and digits behind it.";
  try {
    await ask("overview", { bearer: text });
    keepToken(text);
    return "";
  } catch (error) {
    return error.message;
  }
}
