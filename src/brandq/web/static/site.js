// What every page gains from a script, and loses nothing without: the theme switched in place, moments in the reader's
// own time zone beside UTC, a question before what cannot be taken back, and no form sent twice by a double click.

const root = document.documentElement;

function remember(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = value === "auto" ? 0 : 31536000;
  document.cookie = `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
}

for (const link of document.querySelectorAll("a[data-theme-choice]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const theme = link.dataset.themeChoice;
    remember("brandq-theme", theme);
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const other of document.querySelectorAll("a[data-theme-choice]")) {
      if (other === link) other.setAttribute("aria-current", "true");
      else other.removeAttribute("aria-current");
    }
    document.dispatchEvent(new CustomEvent("brandq:theme"));
  });
}

const local = new Intl.DateTimeFormat(root.lang, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.getTime())) time.title = local.format(moment);
}

for (const form of document.querySelectorAll("form[method='post']")) {
  form.addEventListener("submit", (event) => {
    const asked = (event.submitter ?? form).dataset.confirm ?? form.dataset.confirm;
    if (asked && !confirm(asked)) {
      event.preventDefault();
      return;
    }
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
