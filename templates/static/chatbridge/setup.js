// Extras of the set-up pages; everything works without them.
"use strict";

// Shows only the fields that the chosen kind of inbox or bot has, with its own words.
function showKind(kind) {
  for (const input of document.querySelectorAll("[data-kinds]")) {
    const texts = JSON.parse(input.dataset.kinds)[kind];
    const row = input.closest(".form-row");
    row.hidden = !texts;
    if (!texts) continue;
    const label = row.querySelector(`label[for="${input.id}"]`);
    const help = row.querySelector(".help > div");
    if (label) {
      label.textContent = `${texts.label}:`;
      label.classList.toggle("required", texts.required);
    }
    if (help) help.textContent = texts.help;
  }
}

function followKind() {
  const choices = document.querySelectorAll('input[type="radio"][name="inbox"], input[type="radio"][name="kind"]');
  for (const choice of choices) {
    if (choice.checked) showKind(choice.value);
    choice.addEventListener("change", () => showKind(choice.value));
  }
}

async function copy(button) {
  const input = document.getElementById(button.dataset.copy);
  const output = button.parentElement.querySelector("output");
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    output.textContent = "Copied";
  } catch {  // no https, or the browser says no
    output.textContent = "Press Ctrl+C";
  }
}

document.addEventListener("DOMContentLoaded", () => {
  followKind();
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
  const summary = document.getElementById("error-summary");
  if (summary) summary.focus();
});
