// What the form of a plan gains from a script: its preview follows the typing, a button changes only its part of the
// page, and what was typed outlives the page. Each of these sends the form to where it goes without a script, and takes
// parts out of the reply.

const form = document.getElementById("planning");
const said = document.getElementById("said");
/** ms after the last key until the form is sent */
const REST = 450;
const KEPT = "brandq-draft";
/** what belongs to one opening of the form, and not to what was typed */
const OF_OPENING = ["csrf", "opening", "do"];
/** everything that a draft fills */
const ALL = ["told", "starts", "brands", "prompts-section", "engines", "limits", "saving", "foreseen"];

let timer;
let running;
let starting = false;

function body(button) {
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form)) fields.append(name, value);
  if (button?.name) fields.append(button.name, button.value);
  return fields;
}

async function parsed(reply) {
  return new DOMParser().parseFromString(await reply.text(), "text/html");
}

/** Take a token for this form from a page that is opened now. False where nobody is signed in any more. */
async function renewed() {
  const reply = await fetch(form.getAttribute("action"));
  const token = reply.ok && !reply.redirected && (await parsed(reply)).querySelector("#planning [name=csrf]");
  if (token) form.elements.csrf.value = token.value;
  return Boolean(token);
}

/** Send the form; once more where its token is of a session that has ended, and another one has begun since. */
async function send(address, fields, signal) {
  const reply = await fetch(address, { method: "POST", body: fields, signal });
  if (![401, 403].includes(reply.status) || !(await renewed())) return reply;
  fields.set("csrf", form.elements.csrf.value);
  return fetch(address, { method: "POST", body: fields, signal });
}

/** The page that the form's address answers with. Throws where it is another one, such as that for signing in. */
async function ask(address, fields, signal) {
  const reply = await send(address, fields, signal);
  if (reply.redirected || ![200, 422].includes(reply.status)) throw new Error(`${address} answered ${reply.status}`);
  document.querySelector("#told [data-broken]")?.remove();
  return parsed(reply);
}

/** Put the parts with these ids, as the reply has them, in the place of ours; opened details stay open. */
function take(reply, ids) {
  for (const id of ids) {
    const ours = document.getElementById(id);
    const theirs = reply.getElementById(id);
    if (!ours || !theirs) continue;
    const before = [...ours.querySelectorAll("details")];
    const after = [...theirs.querySelectorAll("details")];
    for (const one of theirs.querySelectorAll("[autofocus]")) one.removeAttribute("autofocus");
    if (ours.matches("details")) theirs.open ||= ours.open;
    if (before.length === after.length) after.forEach((one, place) => { one.open ||= before[place].open; });
    ours.replaceWith(document.importNode(theirs, true));
  }
}

function tell(kind, text, ...actions) {
  const banner = document.createElement("p");
  banner.className = `banner ${kind}`;
  banner.setAttribute("role", "alert");
  banner.append(text);
  for (const [label, act] of actions) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button small";
    button.textContent = label;
    button.addEventListener("click", act);
    banner.append(" ", button);
  }
  document.getElementById("told").replaceChildren(banner);
  return banner;
}

function broken(error) {
  if (error.name === "AbortError") return;
  const banner = tell("bad", form.dataset.ended);
  banner.dataset.broken = "";
  banner.scrollIntoView({ block: "nearest" });
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
  button.setAttribute("aria-busy", "true");
  try {
    const reply = await ask(form.getAttribute("action"), body(button));
    take(reply, ["told", ...parts]);
    said.textContent = [...document.querySelectorAll("#told [data-said]")].map((one) => one.textContent).join(" ");
    const next =
      document.querySelector("#told [role='alert']") ??
      document.querySelector("[data-focus]") ??
      document.querySelector(`[data-swap][value="${CSS.escape(button.value)}"]:not(.first)`);
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

/** Start what the form plans, and go there; where it is refused, say so here. */
async function start(button) {
  if (starting) return;
  starting = true;
  button.setAttribute("aria-busy", "true");
  try {
    const reply = await send(button.getAttribute("formaction"), body());
    const { pathname } = new URL(reply.url);
    if (reply.redirected && reply.ok && pathname.startsWith("/executions/")) {
      forget();
      location.assign(pathname);
      return;
    }
    if (![409, 422, 429].includes(reply.status)) throw new Error(`the start was answered with ${reply.status}`);
    take(await parsed(reply), ALL);
    document.querySelector("#faults, #trouble")?.focus();
  } catch (error) {
    broken(error);
  }
  button.removeAttribute("aria-busy");
  starting = false;
}

/** Show the library as it is now chosen and filled in. */
async function look(part) {
  const fields = body();
  fields.append("do", "library");
  const at = document.activeElement?.id;
  try {
    take(await ask(form.getAttribute("action"), fields), [part]);
    if (part === "library" && at) document.getElementById(at)?.focus();
  } catch (error) {
    broken(error);
  }
}

// -- what was typed, kept by this tab until it is started; a browser that keeps nothing loses nothing but this

function keep() {
  const fields = body();
  for (const name of OF_OPENING) fields.delete(name);
  try {
    sessionStorage.setItem(KEPT, fields.toString());
  } catch (error) {
    console.debug(error);
  }
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function forget() {
  if (kept() !== null) sessionStorage.removeItem(KEPT);
}

async function goOn() {
  const fields = new URLSearchParams(kept());
  for (const [name, value] of body()) if (OF_OPENING.includes(name)) fields.append(name, value);
  try {
    take(await ask(form.getAttribute("action"), fields), ALL);
    document.getElementById("brand-0-name").focus();
  } catch (error) {
    broken(error);
  }
}

// -- what sets it off

for (const button of document.querySelectorAll("[data-without-script]")) button.hidden = true;

form.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-swap], button[data-start]");
  if (!button) return;
  event.preventDefault();
  if ("start" in button.dataset) start(button);
  else swap(button);
});

form.addEventListener("input", (event) => {
  const field = event.target;
  field.removeAttribute("aria-invalid");
  keep();
  if (field.name === "pick" || field.name === "plan-name") return;
  if (field.dataset.look) {
    clearTimeout(timer);
    timer = setTimeout(look, field.tagName === "SELECT" ? 0 : REST, field.dataset.look);
  } else {
    soon();
  }
});

if ("fresh" in form.dataset && kept()) {
  tell("good", form.dataset.kept, [form.dataset.goOn, goOn], [
    form.dataset.forget,
    () => {
      forget();
      document.getElementById("told").replaceChildren();
    },
  ]);
}
