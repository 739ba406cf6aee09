/** Who it is, as far as the token may know. */

import { h } from "../dom.js";
import { day, money, moment } from "../format.js";
import { panel } from "../panel.js";
import { termList } from "./terms.js";

/** What the profile shows: name of the field, label, and how it is written. */
const FIELDS = [
  ["first_name", "First name"],
  ["last_name", "Last name"],
  ["email", "Email"],
  ["phone", "Phone"],
  ["address", "Address"],
  ["date_of_birth", "Date of birth", (text) => (text.includes("*") ? text : day(text))],
  ["occupation", "Occupation"],
  ["account_id", "Account"],
  ["account_balance", "Account balance", (amount) => money(amount)],
  ["customer_type", "Type"],
  ["segment", "Segment"],
  ["industry", "Industry"],
  ["country", "Country"],
  ["created_at", "Customer since", moment],
];
const PERSONAL = FIELDS.slice(0, 6).map(([name]) => name);

/** @param {() => void} useToken */
export function profilePanel(useToken) {
  const list = termList();
  const masked = h(
    "div",
    { class: "masked" },
    h("span", {}, "Personal data is masked: it needs the scope personal-data."),
    h("button", { class: "quiet", type: "button", onclick: useToken }, "Use a token"),
  );
  return panel({
    title: "Profile",
    className: "span-4 tall",
    empty: "The customers stream has said nothing of this customer yet.",
    isEmpty: (customer) => !told(customer).length,
    render: () => h("div", {}, list.element, masked),
    update: (customer) => {
      masked.hidden = !PERSONAL.some((name) => String(customer[name] ?? "").includes("***"));
      list.update(told(customer));
    },
  });
}

const told = (customer) =>
  FIELDS.filter(([name]) => customer[name] !== null)
    .map(([name, label, write = String]) => ({ name, label, text: write(customer[name]) }));
