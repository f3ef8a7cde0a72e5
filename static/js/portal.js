// Comfort only: every page works without this file.
(() => {
  "use strict";

  // htmx sends the CSRF token that Django expects from forms.
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = document.body.dataset.csrf;
  });

  // What htmx is fetching anew says that it is busy, to eyes and to screen readers.
  for (const [name, busy] of [["htmx:beforeRequest", "true"], ["htmx:afterRequest", "false"]]) {
    document.addEventListener(name, (event) => {
      event.detail.target?.setAttribute("aria-busy", busy);
    });
  }

  // Menus close on Escape and on a click elsewhere.
  const openMenus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // Who tabs out of a menu has left it.
  document.addEventListener("focusin", (event) => {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // A form that came back is read from what is wrong with it: its first marked field, or what is said above.
  if (document.body.hasAttribute("data-answer")) {
    const wrong = document.querySelector(
      "main :is(input, select, textarea):is(.is-invalid, [aria-invalid=true]):not([type=hidden])",
    );
    const said = document.querySelector("main [role=alert]");
    if (!wrong && said) said.tabIndex = -1;
    (wrong || said)?.focus();
  }

  const toggle = document.getElementById("nav-toggle");
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    if (toggle && toggle.checked) {
      toggle.checked = false;
      toggle.focus();
    }
  });

  // The place one is at may lie below the fold of the menu.
  const sidebar = document.querySelector(".sidebar");
  const here = sidebar?.querySelector("[aria-current]");
  if (here && here.offsetTop + here.offsetHeight > sidebar.clientHeight) {
    sidebar.scrollTop = here.offsetTop - sidebar.clientHeight / 2;
  }

  // A filter form marked data-autosubmit sends itself when a choice changes.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-autosubmit]");
    if (form && event.target.matches("select, input[type=checkbox], input[type=radio]")) {
      form.requestSubmit();
    }
  });

  // "Select all" boxes: data-check-all holds the name of the boxes they rule.
  document.addEventListener("change", (event) => {
    const name = event.target.dataset.checkAll;
    if (!name) return;
    const scope = event.target.closest("form") || document;
    for (const box of scope.querySelectorAll(`input[type=checkbox][name="${CSS.escape(name)}"]`)) {
      box.checked = event.target.checked;
    }
  });

  // A form is sent once: its button rests after the first click.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || event.target.method !== "post") return;
    setTimeout(() => { button.disabled = true; }, 0);
    setTimeout(() => { button.disabled = false; }, 8000);
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[disabled]:not([data-disabled])")) {
      if (button.form && button.form.method === "post" && button.type === "submit") button.disabled = false;
    }
  });

  // Countdowns tick during their last day, by the platform's clock and not this computer's.
  const now = Date.parse(document.body.dataset.now);
  const loaded = Date.now();
  const unit = (amount, name) => new Intl.NumberFormat(document.documentElement.lang, {
    style: "unit", unit: name, unitDisplay: "long",
  }).format(amount);

  const tick = () => {
    for (const countdown of document.querySelectorAll("time.countdown[data-left]")) {
      const left = Date.parse(countdown.dateTime) - (now + Date.now() - loaded);
      const minutes = Math.floor(left / 60000);
      if (minutes >= 1440) continue;
      const parts = minutes >= 60
        ? [unit(Math.floor(minutes / 60), "hour"), minutes % 60 ? unit(minutes % 60, "minute") : ""]
        : [unit(Math.max(minutes, 0), "minute")];
      countdown.querySelector("span").textContent = left <= 0
        ? countdown.dataset.past
        : countdown.dataset.left.replace("…", parts.filter(Boolean).join(" "));
    }
  };
  if (now) setInterval(tick, 30000);
})();
