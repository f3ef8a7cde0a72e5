// Django closes a form's pop-up windows on "unload", which browsers are giving up; "pagehide" comes
// whenever it would have come.
(() => {
  "use strict";
  const listen = window.addEventListener.bind(window);
  window.addEventListener = (type, ...rest) => listen(type === "unload" ? "pagehide" : type, ...rest);
})();
