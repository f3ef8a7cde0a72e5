// Names for what the admin's scripts draw: boxes that look things up are called like their field.
(() => {
  "use strict";

  const name = () => {
    // The magnifier beside the box of a list of many.
    for (const icon of document.querySelectorAll(".search-label-icon:not([role])")) icon.setAttribute("role", "img");
    for (const box of document.querySelectorAll(".select2-container:not([data-named])")) {
      const label = box.previousElementSibling?.labels?.[0];
      const parts = box.querySelectorAll("[role=combobox], [role=textbox], .select2-search__field");
      if (!label || !parts.length) continue;
      if (!label.id) label.id = `${label.htmlFor}-label`;
      for (const part of parts) {
        const shown = part.getAttribute("aria-labelledby") || "";
        part.setAttribute("aria-labelledby", `${label.id} ${shown}`.trim());
      }
      box.dataset.named = "";
    }
  };
  name();
  // The box above a list has a picture for a label, which phones do not show; its button says the same.
  const search = document.getElementById("searchbar");
  if (search) search.setAttribute("aria-label", search.form.querySelector("[type=submit]").value);
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
})();
