// Extras of the operator pages; everything works without them.
"use strict";

async function copyText(button) {
  const output = button.parentElement.querySelector("output");
  try {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copyText).textContent);
    output.textContent = "Copied";
  } catch {  // no https, or the browser says no
    getSelection().selectAllChildren(document.getElementById(button.dataset.copyText));
    output.textContent = "Press Ctrl+C";
  }
}

for (const button of document.querySelectorAll("[data-copy-text]")) {
  button.hidden = false;
  button.addEventListener("click", () => copyText(button));
}
