// Fetches the part of a page that changes, every 15 seconds. Without script the page is as it was when it was opened.
"use strict";

const PERIOD_MS = 15000;
const part = document.querySelector("[data-refresh]");
const bar = document.querySelector(".figures-refresh");

if (part && bar) {
  const button = bar.querySelector("[data-pause]");
  const told = bar.querySelector("[data-refreshed]");
  let isPaused = false;

  const swap = (html) => {
    const open = [...part.querySelectorAll("details[open]")].map((details) => details.id);
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    // What has no name can't be found again in the new part: then it waits until the focus has moved on.
    if (focused && !focused.id) return false;
    part.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused.id)?.focus({ preventScroll: true });
    return true;
  };

  const refresh = async () => {
    if (isPaused || document.hidden) return;
    try {
      const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      if (swap(await answer.text())) told.textContent = `Refreshed ${new Date().toLocaleTimeString()}`;
    } catch {
      told.textContent = "Not refreshed: the bridge did not answer. Is your log-in over?";
    }
  };

  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.setAttribute("aria-pressed", String(isPaused));
    told.textContent = isPaused ? "Stopped" : "";
    refresh();
  });
  document.addEventListener("visibilitychange", refresh);
  bar.hidden = false;
  setInterval(refresh, PERIOD_MS);
}
