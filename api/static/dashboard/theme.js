/**
 * Light or dark: what the system says, unless the switch was used. No module: it runs before the first paint.
 */
(() => {
  const KEY = "c360-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const SUN = "M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7 1.4-1.4M4.9 19.1l1.4-1.4m0-11.4L4.9 4.9m14.2 14.2-1.4-1.4M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z";
  const MOON = "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z";

  const preferred = () => (system.matches ? "dark" : "light");
  const current = () => localStorage.getItem(KEY) ?? preferred();
  const other = () => (current() === "dark" ? "light" : "dark");

  function apply() {
    root.dataset.theme = current();
    dispatchEvent(new Event("themechange"));
    const button = document.getElementById("theme");
    if (!button) return;
    button.title = `Switch to ${other()}`;
    button.setAttribute("aria-label", button.title);
    button.innerHTML =
      '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" ' +
      `stroke-linejoin="round" aria-hidden="true"><path d="${other() === "dark" ? MOON : SUN}"/></svg>`;
  }

  apply();
  system.addEventListener("change", apply);
  addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      if (other() === preferred()) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, other());
      apply();
    });
  });
})();
