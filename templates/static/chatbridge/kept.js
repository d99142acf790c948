// Keeps what was typed when a form could not be saved because the session was over; never a secret.
"use strict";

const KEPT = "chatbridge.kept";

function isSecret(input) {
  return input.type === "password" || input.closest(".secret-entry") || /password/.test(input.autocomplete);
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

function keep(form) {
  const values = [...form.elements].filter(isKept).map(valueOf);
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ url: here(), form: form.id, who: whoIsThere(), values }));
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

// On the page that came in place of an answer: log in, or a form that was too old.
function noteInterrupted(place) {
  const draft = kept();
  if (!draft) return;
  sessionStorage.setItem(KEPT, JSON.stringify({ ...draft, isInterrupted: true }));
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
  if (!form) return;
  addRows(form, draft.values);
  for (const value of draft.values) put(form, value);
  const note = document.createElement("p");
  note.className = "warningnote";
  note.id = "given-back";
  note.tabIndex = -1;
  note.textContent = "Not saved yet: your session was over. What you had typed is here again, but for secrets: paste these again, then save.";
  form.prepend(note);
  note.focus();
}

function begin() {
  const place = document.getElementById("kept");
  if (place) {
    noteInterrupted(place);
    return;
  }
  for (const form of document.querySelectorAll("#content-main form[id]")) {
    if (form.method === "post" && form.id !== "changelist-form") form.addEventListener("submit", () => keep(form));
  }
  const draft = kept();
  if (!draft) return;
  const isMine = draft.isInterrupted && draft.who === whoIsThere();
  if (isMine && draft.url !== here()) return;  // it waits for its page
  sessionStorage.removeItem(KEPT);
  if (isMine) giveBack(draft);
}

// After Django's own scripts, which make its lists on load and its buttons for more rows when jQuery is ready.
window.addEventListener("load", () => {
  if (window.django && window.django.jQuery) window.django.jQuery(begin);
  else begin();
});
