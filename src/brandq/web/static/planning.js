// What the form of a plan gains from a script: its preview follows the typing, and a button changes only its part of
// the page. Each of these sends the form to where it goes without a script, and takes parts out of the reply.

const form = document.getElementById("planning");
const said = document.getElementById("said");
/** ms after the last key until the plan is foreseen */
const REST = 450;
const DRAFT = "brandq-draft";
/** fields that belong to one opening of the form, and not to what was typed */
const OF_OPENING = ["csrf", "opening", "do"];

let timer;
let running;

function body(button) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) fields.append(name, value);
  if (button?.name) fields.append(button.name, button.value);
  return fields;
}

async function ask(address, fields, signal) {
  const reply = await fetch(address, { method: "POST", body: fields, signal });
  if (reply.redirected || ![200, 422].includes(reply.status)) throw new Error(`${address} answered ${reply.status}`);
  return new DOMParser().parseFromString(await reply.text(), "text/html");
}

/** Put the parts with these ids, as the reply has them, in the place of ours; opened details stay open. */
function take(reply, ids) {
  for (const id of ids) {
    const ours = document.getElementById(id);
    const theirs = reply.getElementById(id);
    if (!ours || !theirs) continue;
    const before = [...ours.querySelectorAll("details")];
    const after = [...theirs.querySelectorAll("details")];
    if (before.length === after.length) after.forEach((one, place) => { one.open ||= before[place].open; });
    ours.replaceWith(document.importNode(theirs, true));
  }
}

function broken(error) {
  if (error.name === "AbortError") return;
  const told = document.getElementById("told");
  const banner = document.createElement("p");
  banner.className = "banner bad";
  banner.setAttribute("role", "alert");
  banner.textContent = form.dataset.ended;
  told.replaceChildren(banner);
}

async function foresee() {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  document.getElementById("foreseen").setAttribute("aria-busy", "true");
  try {
    take(await ask("/executions/preview", body(), signal), ["foreseen", "prompt-list"]);
  } catch (error) {
    broken(error);
  } finally {
    if (!signal.aborted) document.getElementById("foreseen").removeAttribute("aria-busy");
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(foresee, REST);
}

/** Do what a button does, and take its parts of the page out of the reply. */
async function swap(button) {
  if (button.dataset.confirm && !confirm(button.dataset.confirm)) return;
  const parts = button.dataset.swap.split(" ");
  // where the finger was, for who steers by keyboard
  const place = button.id || `${button.name}=${button.value}`;
  button.setAttribute("aria-busy", "true");
  try {
    const reply = await ask(button.getAttribute("formaction") ?? form.getAttribute("action"), body(button));
    take(reply, parts.includes("told") ? parts : ["told", ...parts]);
    said.textContent = [...document.querySelectorAll("#told [data-said]")].map((one) => one.textContent).join(" ");
    const next =
      document.querySelector("#told [role='alert']") ??
      document.querySelector("[data-focus]") ??
      document.querySelector(`[data-swap][value="${CSS.escape(button.value)}"]`) ??
      document.getElementById(place);
    next?.removeAttribute("data-focus");
    next?.focus();
    keep();
    if (!parts.includes("foreseen")) soon();
  } catch (error) {
    broken(error);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function keep() {
  const fields = body();
  for (const name of OF_OPENING) fields.delete(name);
  try {
    sessionStorage.setItem(DRAFT, fields.toString());
  } catch {
    // a browser that keeps nothing loses nothing but this
  }
}

for (const button of document.querySelectorAll("[data-without-script]")) button.hidden = true;

form.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-swap]");
  if (!button) return;
  event.preventDefault();
  swap(button);
});

form.addEventListener("input", (event) => {
  const field = event.target;
  field.removeAttribute("aria-invalid");
  if (field.name === "pick" || field.name === "plan-name") return;
  keep();
  if (field.dataset.look) {
    clearTimeout(timer);
    timer = setTimeout(look, field.tagName === "SELECT" ? 0 : REST, field.dataset.look);
  } else {
    soon();
  }
});

/** Show the library as it is now chosen and filled in. */
async function look(part) {
  const fields = body();
  fields.append("do", "library");
  const field = document.activeElement?.id;
  try {
    take(await ask(form.getAttribute("action"), fields), [part]);
    if (part === "library") document.getElementById(field)?.focus();
  } catch (error) {
    broken(error);
  }
}

form.addEventListener("submit", () => {
  try {
    sessionStorage.removeItem(DRAFT);
  } catch {
    // as above
  }
});

