// Keeps what was typed when a form could not be saved: the session was over, the row is gone, the bridge was away. Never
// a secret. And a button that is pressed twice does its work once.
"use strict";

const KEPT = "chatbridge.kept";
const PRESSED_MS = 3000;

// An address with a query or a user may hold a key: people paste it as their bot's platform shows it.
const MAY_HOLD_KEY = /^\s*[a-z]+:\/\/([^\s/?#]*@|\S*[?#])/i;

function isSecret(input) {
  if (input.type === "password" || input.closest(".secret-entry") || /password/.test(input.autocomplete)) return true;
  return MAY_HOLD_KEY.test(input.value);
}

// Not what is left to choose from beside a list of what is chosen.
function isKept(input) {
  const isTyped = !["hidden", "submit", "button", "file"].includes(input.type) && !input.id.endsWith("_from");
  return input.name && (isTyped || input.name === "_seen") && !isSecret(input);
}

function whoIsThere() {
  const person = document.querySelector('meta[name="person"]');  // by number: two may have the same name
  return person ? person.content : "";
}

function here() {
  return location.pathname + location.search;
}

function valueOf(input) {
  if (input.type === "checkbox" || input.type === "radio") return [input.name, input.value, input.checked];
  if (!input.multiple) return [input.name, input.value];
  const isList = input.id.endsWith("_to");  // all that is in it is chosen
  return [input.name, [...input.options].filter((option) => isList || option.selected).map((option) => option.value)];
}

// By its label, for when there is no form any more to put it into. Of several fields with one label, such as the texts in
// English, the longer name for screen readers tells which it is; of radio buttons, the question.
function wordsOf(input) {
  const label = input.labels && input.labels[0] ? input.labels[0].textContent : "";
  const name = plain(input.getAttribute("aria-label") || label || input.name);
  if (input.type === "hidden" || input.closest("[hidden]")) return [name, ""];
  if (input.type === "radio") {
    const question = input.closest(".flex-container")?.querySelector(":scope > label, :scope > legend");
    return [question ? plain(question.textContent) : input.name, input.checked ? plain(label) : ""];
  }
  if (input.type === "checkbox") return [name, input.checked ? "yes" : "no"];
  if (!input.options) return [name, input.value];
  const chosen = [...input.options].filter((option) => input.id.endsWith("_to") || option.selected);
  return [name, chosen.map((option) => option.textContent.trim()).join(", ")];
}

function plain(label) {
  return label.trim().replace(/:$/, "");
}

// Not form.method: in a form with a field of that name, it is the field.
function isPosted(form) {
  return (form.getAttribute("method") || "").toLowerCase() === "post";
}

function keep(form) {
  const inputs = [...form.elements].filter(isKept);
  const values = inputs.map(valueOf);
  const words = inputs.map(wordsOf).filter(([, text]) => text);
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ url: here(), form: form.id, who: whoIsThere(), values, words }));
  } catch {
    // no room, or the browser says no: then nothing is kept
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

function list(draft, place) {
  const names = document.createElement("dl");
  for (const [name, text] of draft.words) {
    for (const [tag, words] of [["dt", name], ["dd", text]]) {
      const line = document.createElement(tag);
      line.textContent = words;
      names.append(line);
    }
  }
  place.append(names);
  place.hidden = false;
}

// On the page that came in place of an answer: log in, a form that was too old, a row that is gone, a failure.
function noteInterrupted(place) {
  const draft = kept();
  if (!draft) return;
  sessionStorage.setItem(KEPT, JSON.stringify({ ...draft, isInterrupted: true }));
  if ("gone" in place.dataset) {
    if (draft.url === here() && draft.who === whoIsThere()) list(draft, place);
    return;
  }
  place.hidden = false;
  const link = place.querySelector("a");
  if (link) link.href = draft.url;
}

function put(form, [name, value, isChecked]) {
  const inputs = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
  if (isChecked !== undefined) {
    for (const input of inputs) if (input.value === value) input.checked = isChecked;
  } else if (Array.isArray(value)) {
    for (const input of inputs) choose(input, value);
  } else if (inputs[0]) {
    inputs[0].value = value;
  }
  for (const input of inputs) {
    if (input.type !== "radio" || input.checked) input.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

// Django's list with what is left beside it is served by its own buttons.
function choose(select, values) {
  const mark = (list, isMarked) => [...list.options].forEach((option) => { option.selected = isMarked(option.value); });
  const list = select.id.replace(/_to$/, "");
  const rest = document.getElementById(`${list}_from`);
  if (!rest) {
    mark(select, (value) => values.includes(value));
    return;
  }
  mark(rest, (value) => values.includes(value));
  mark(select, (value) => !values.includes(value));
  for (const name of ["add", "remove"]) {
    const button = document.getElementById(`${list}_${name}`);
    button.disabled = false;
    button.click();
  }
}

// Rows of a table that were added by hand are not there yet.
function addRows(form, values) {
  for (const [name] of values) {
    const found = /^(.+)-(\d+)-/.exec(name);
    const add = found && document.querySelector(`#${CSS.escape(found[1])}-group .add-row a`);
    const total = found && form.querySelector(`[name="${CSS.escape(found[1])}-TOTAL_FORMS"]`);
    while (add && total && Number(total.value) <= Number(found[2])) {
      const before = total.value;
      add.click();
      if (total.value === before) break;
    }
  }
}

function giveBack(draft) {
  const form = document.getElementById(draft.form);
  const isThere = form && draft.values.some(([name]) => form.elements.namedItem(name));
  const note = document.createElement(isThere ? "p" : "section");
  note.className = "warningnote";
  note.id = "given-back";
  note.tabIndex = -1;
  if (isThere) {
    addRows(form, draft.values);
    for (const value of draft.values) put(form, value);
    note.textContent = "Not saved yet. What you typed is here again, except for secrets: paste those again, then save.";
    form.prepend(note);
  } else {
    note.textContent = "Not saved, and you can’t change this page now. What you typed, except for secrets:";
    list(draft, note);
    document.getElementById("content-main").prepend(note);
  }
  note.focus();
}

// The second press would do it twice, or take the place of the first one's answer.
function pressOnce() {
  const pressed = new WeakMap();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !isPosted(form)) return;
    if (event.timeStamp - (pressed.get(form) ?? -PRESSED_MS) < PRESSED_MS) event.preventDefault();
    else pressed.set(form, event.timeStamp);
  });
}

// Of a time or date that is typed in part, a browser sends nothing at all: it would be saved as if it were empty.
function refuseHalfTyped() {
  document.addEventListener("submit", (event) => {
    for (const input of event.target.elements) {
      if (!input.validity || !input.validity.badInput) continue;
      for (let part = input.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
      if (!input.offsetParent) continue;  // a choice beside it says that it doesn't count
      event.preventDefault();
      input.reportValidity();
      return;
    }
  }, true);
}

function begin() {
  const logout = document.getElementById("logout-form");
  if (logout) logout.addEventListener("submit", () => sessionStorage.removeItem(KEPT));
  const place = document.getElementById("kept");
  if (place) {
    noteInterrupted(place);
    return;
  }
  for (const form of document.querySelectorAll("#content-main form[id]")) {
    if (!isPosted(form) || form.id === "changelist-form") continue;
    form.addEventListener("submit", (event) => {
      if (!event.defaultPrevented) keep(form);
    });
  }
  const draft = kept();
  if (!draft) return;
  const isMine = draft.isInterrupted && draft.who === whoIsThere();
  if (isMine && draft.url !== here()) return;  // it waits for its page
  sessionStorage.removeItem(KEPT);
  if (isMine) giveBack(draft);
}

refuseHalfTyped();
pressOnce();

// After Django's own scripts, which make its lists on load and its buttons for more rows when jQuery is ready.
window.addEventListener("load", () => {
  if (window.django && window.django.jQuery) window.django.jQuery(begin);
  else begin();
});
