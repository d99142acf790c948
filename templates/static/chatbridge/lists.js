// Django's lists of what is left and what is chosen: their hints are names on a bare span, which screen readers skip.
"use strict";

// After Django's script, which makes the lists on load too.
window.addEventListener("load", () => setTimeout(() => {
  for (const hint of document.querySelectorAll("span.help-tooltip[aria-label]")) hint.setAttribute("role", "img");
}));
