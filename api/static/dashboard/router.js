/** What the address says: #/ is the overview, #/customers/1 is customer 1. */

/** @typedef {{name: "home"}|{name: "customer", customerId: string}|{name: "unknown"}} Route */

/** @param {string} hash @returns {Route} */
export function routeOf(hash) {
  const path = hash.replace(/^#/, "");
  if (path === "" || path === "/") return { name: "home" };
  const customer = /^\/customers\/([^/]+)$/.exec(path);
  return customer ? { name: "customer", customerId: decoded(customer[1]) } : { name: "unknown" };
}

/** The address of a customer. */
export const customerHash = (customerId) => `#/customers/${encodeURIComponent(customerId)}`;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
