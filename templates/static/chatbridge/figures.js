// Fetches the part of a page that changes, every 15 seconds. Without script the page is as it was when it was opened.
"use strict";

const PERIOD_MS = 15000;
const part = document.querySelector("[data-refresh]");
const bar = document.querySelector(".figures-refresh");

const zone = document.getElementById("zone")?.dataset.zone;
const TO_THE_SECOND = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const clock = (moment, form = TO_THE_SECOND) => moment.toLocaleTimeString("en-GB", { timeZone: zone, timeZoneName: "short", ...form });

// A cell of a plot leads to the list of its time; for the keyboard, the line of its table does.
const timesOf = (frame) => frame.closest("[data-since]").dataset;
const begins = (frame, place) => {
  const { since, widthS } = timesOf(frame);
  return new Date(Date.parse(since) + place * widthS * 1000);
};
const cellUrl = (frame, place) => {
  const url = new URL(frame.dataset.list, location.href);
  url.searchParams.set("since", begins(frame, place).toISOString());
  url.searchParams.set("until", begins(frame, place + 1).toISOString());
  return url;
};

const linkTables = () => {
  for (const tile of document.querySelectorAll(".tile[data-list]")) {
    for (const [place, row] of [...tile.querySelectorAll("tbody tr")].entries()) {
      const [name] = row.cells;
      name.replaceChildren(Object.assign(document.createElement("a"), { href: cellUrl(tile, place), textContent: name.textContent }));
    }
  }
};

const link = Object.assign(document.createElement("a"), { id: "cell-link", className: "cell-link", tabIndex: -1 });
link.setAttribute("aria-hidden", "true");

const cellWords = (frame, place) => {
  const table = frame.querySelector("table");
  if (!table) return `From ${clock(begins(frame, place), { hour: "2-digit", minute: "2-digit" })}`;
  const head = table.tHead.rows[0].cells;
  return [...table.tBodies[0].rows[place].cells].map((cell, column) => `${head[column].textContent} ${cell.textContent}`).join(" · ");
};

const pointAt = ({ target, clientX }) => {
  const frame = target.closest?.("[data-list]");
  const plot = target.closest?.(".drawing, .strip")?.querySelector(".plot");
  if (!frame || !plot) return link.remove();
  const [box, around] = [plot.getBoundingClientRect(), plot.parentElement.getBoundingClientRect()];
  const { cells } = timesOf(frame);
  const width = box.width / cells;
  const place = Math.floor((clientX - box.left) / width);
  if (place < 0 || place >= cells) return link.remove();
  link.href = cellUrl(frame, place);
  link.title = cellWords(frame, place);
  const [left, top] = [box.left - around.left + place * width, box.top - around.top];
  Object.assign(link.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${box.height}px` });
  if (link.parentElement !== plot.parentElement) plot.parentElement.append(link);
};

linkTables();
for (const kind of ["pointermove", "pointerdown"]) document.addEventListener(kind, pointAt);

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
    linkTables();
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused.id)?.focus({ preventScroll: true });
    return true;
  };

  const refresh = async () => {
    if (isPaused || document.hidden) return;
    try {
      const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      if (swap(await answer.text())) told.textContent = `Refreshed ${clock(new Date())}`;
    } catch {
      told.textContent = "Not refreshed: the bridge did not answer. Has your session expired?";
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
