// Before anything is painted: the theme that was chosen here last, so that nothing flashes.
"use strict";
(function () {
  let chosen = "";
  try {
    chosen = localStorage.getItem("qianzhi-theme") || "";
  } catch (refused) {
    chosen = ""; // a browser that keeps nothing: its own wish holds
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
