// Extras of the set-up pages; everything works without them.
"use strict";

// Shows only the fields that the chosen kind of inbox or bot has, with its own words and in its own order.
function showKind(kind) {
  const shown = [];
  for (const heading of document.querySelectorAll("h3.section")) heading.remove();
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
    shown.push([texts.place, row, texts.section]);
  }
  shown.sort(([one], [other]) => one - other);
  for (const [, row, section] of shown) {
    if (section) row.parentElement.append(sectionHeading(section));
    row.parentElement.append(row);
  }
}

function sectionHeading(text) {
  const heading = document.createElement("h3");
  heading.className = "section";
  heading.textContent = text;
  return heading;
}

function followKind() {
  const choices = document.querySelectorAll('input[type="radio"][name="inbox"], input[type="radio"][name="kind"]');
  for (const choice of choices) {
    if (choice.checked) showKind(choice.value);
    choice.addEventListener("change", () => showKind(choice.value));
  }
}

// A preset fills in what is empty, and what the one before had filled in; what somebody has written stays, and of a bot
// that was saved what they have emptied.
function followPreset(select) {
  const presets = JSON.parse(select.dataset.presets);
  const isSaved = document.getElementById("id_body").value !== "";
  let before = isSaved ? presets[select.value] : {};
  const fill = () => {
    const chosen = presets[select.value];
    for (const name of Object.keys({ ...before, ...chosen })) {
      const input = document.getElementById(`id_${name}`);
      if (["", before[name] ?? ""].includes(input.value)) input.value = chosen[name] ?? "";
    }
    before = chosen;
  };
  if (!isSaved) fill();
  select.addEventListener("change", fill);
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

// "Show" alone tells a screen reader not which of several secrets.
function nameToggle(button) {
  const label = document.querySelector(`label[for="${button.dataset.show}"]`);
  if (label) button.setAttribute("aria-label", `Show ${label.textContent.replace(/:\s*$/, "")}`);
}

function toggleSecret(button) {
  const input = document.getElementById(button.dataset.show);
  const isShown = input.type === "password";
  input.type = isShown ? "text" : "password";
  button.setAttribute("aria-pressed", String(isShown));
}

// --- a new shared secret, for platforms that let the admin enter it ---

const SECRET_BYTES = 32;

function newSecret() {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Shown until somebody types over it or leaves the page: a saved one is never shown again.
function generate(button) {
  const input = document.getElementById(button.dataset.generate);
  const made = document.getElementById(`${button.dataset.generate}_made`);
  const shown = made.querySelector("input");
  input.value = shown.value = newSecret();
  made.hidden = false;
  input.addEventListener("input", () => {
    made.hidden = true;
    shown.value = "";
  }, { once: true });
  made.querySelector("output").textContent = "Generated. Copy it into Sparkcentral, and save it here.";
  made.querySelector("button").focus();
}

// Buttons that only a script can serve: hidden until it is there.
function serveButtons(root) {
  for (const [name, serve] of [["copy", copy], ["show", toggleSecret], ["generate", generate]]) {
    for (const button of root.querySelectorAll(`[data-${name}]`)) {
      button.hidden = false;
      if (name === "show") nameToggle(button);
      button.addEventListener("click", () => serve(button));
    }
  }
}

// --- opening hours ---

// The zone of whoever enters hours for the first time is nearly always the agents' zone.
function offerOwnZone(select) {
  if (select.value) return;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some((option) => option.value === zone)) select.value = zone;
}

function serveCopyMonday(button) {
  const days = button.closest(".hours").querySelectorAll("[data-day]");
  const [monday, ...others] = [...days].map((row) => row.querySelectorAll("input"));
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const inputs of others.slice(0, 4)) {
      inputs.forEach((input, place) => { input.value = monday[place] ? monday[place].value : ""; });
    }
  });
}

// --- what the queue decides ---

function serveFillRows(button) {
  button.hidden = false;
  const group = button.closest('[role="group"]');
  button.addEventListener("click", () => JSON.parse(button.dataset.fillRows).forEach((row, place) => {
    for (const [part, value] of Object.entries(row)) group.querySelector(`[name$="-${part}-${place}"]`).value = value;
  }));
}

// --- tables of rules ---

// Sends the form to another page in a tab of its own. No submit button of the form: Enter would press its first one.
function serveTry(button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const sender = document.createElement("button");
    Object.assign(sender, { formAction: button.dataset.try, formTarget: "_blank", formNoValidate: true, hidden: true });
    button.form.append(sender);
    button.form.requestSubmit(sender);
    sender.remove();
  });
}

// --- our own texts ---

function serveFillReady(button) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const area of button.closest(".texts").querySelectorAll("[data-ready]")) {
      area.value = area.dataset.ready;
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
}

function servePreview(output) {
  const area = output.parentElement.querySelector("textarea");
  const samples = output.dataset.preview.split("|").map((pair) => pair.split("="));
  area.addEventListener("input", () => {
    let text = area.value;
    for (const [name, sample] of samples) text = text.replace(new RegExp(`\\{ *${name} *\\}`, "g"), sample);
    output.value = text;
    output.hidden = text === area.value;
  });
}

// --- waiting for the first event: the steps tick themselves ---

const EVERY_MS = 5000;
const LONGEST_MS = 10 * 60 * 1000;

class Waiting {
  constructor(place, line) {
    this.place = place;
    this.line = line;
    document.addEventListener("visibilitychange", () => this.schedule());
    this.begin();
  }

  get section() { return this.place.querySelector("[data-waiting]"); }

  begin() {
    this.until = Date.now() + LONGEST_MS;
    this.say(this.section.dataset.announcement);
    this.schedule();
  }

  say(text) {
    if (this.line.textContent !== text) this.line.textContent = text;
    this.line.hidden = false;
  }

  schedule() {
    clearTimeout(this.timer);
    if (document.hidden || this.section.dataset.waiting !== "yes") return;
    if (Date.now() < this.until) this.timer = setTimeout(() => this.look(), EVERY_MS);
    else this.offerMore();
  }

  offerMore() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = "Keep waiting";
    button.addEventListener("click", () => this.begin());
    this.line.textContent = "Nothing arrived within ten minutes. ";
    this.line.append(button);
  }

  async look() {
    try {
      const answer = await fetch(this.place.dataset.url, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) this.show(await answer.text());
    } catch {
      // the bridge is away for a moment: the next look may find it
    }
    this.schedule();
  }

  // Only what is new, and never under the hands of somebody who is typing there.
  show(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    const section = fresh.content.querySelector("[data-waiting]");
    if (!section || section.dataset.stamp === this.section.dataset.stamp) return;
    this.say(section.dataset.announcement);
    if ([...this.section.querySelectorAll('input[type="password"]')].some((input) => input.value)) return;
    const focused = this.section.contains(document.activeElement) ? document.activeElement : null;
    this.section.replaceWith(section);
    serveButtons(this.place);
    if (focused) keepFocus(section, focused);
  }
}

// On the same control of the new section: whoever has just copied an address still has the button's focus.
function keepFocus(section, before) {
  for (const name of ["id", "data-copy", "data-show", "data-generate", "href"]) {
    const value = before.getAttribute(name);
    const same = value && section.querySelector(`[${name}="${CSS.escape(value)}"]`);
    if (same) same.focus({ preventScroll: true });
    if (same && document.activeElement === same) return;
  }
  const title = section.querySelector("#setup-title");
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
}

document.addEventListener("DOMContentLoaded", () => {
  followKind();
  serveButtons(document);
  document.querySelectorAll("select[data-presets]").forEach(followPreset);
  document.querySelectorAll("[data-own-zone]").forEach(offerOwnZone);
  document.querySelectorAll("[data-copy-monday]").forEach(serveCopyMonday);
  document.querySelectorAll("[data-fill-rows]").forEach(serveFillRows);
  document.querySelectorAll("[data-fill-ready]").forEach(serveFillReady);
  document.querySelectorAll("[data-try]").forEach(serveTry);
  document.querySelectorAll("[data-preview]").forEach(servePreview);
  const summary = document.getElementById("error-summary");
  if (summary) {
    summary.focus();
    if (!document.title.startsWith("Error:")) document.title = `Error: ${document.title}`;
  }
  const place = document.getElementById("set-up");
  if (place && place.querySelector('[data-waiting="yes"]')) new Waiting(place, document.getElementById("live-line"));
  const deletion = document.querySelector("form[data-go-on]");
  if (deletion) deletion.submit();
});
