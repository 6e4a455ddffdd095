/*
 * Keeps the page of a running execution up to date, by its event stream, and by asking its status where that fails.
 * Without it the page is as it was when it was made. All words come from the page or the server; none are in here.
 *
 *   <main data-events="/api/executions/ID/events?language=zh&last=50" data-status="/api/executions/ID">
 *   <script type="module" src="/static/live.js" nonce="…"></script>
 *
 * Only the page of an execution that has not ended has `data-events`: at its end the page is loaded again, once.
 * `language`: that of the sentences that the server sends; `last`: of what was told before, only the last so many
 * answers. The policy of the page needs connect-src 'self'. Numbers are written for the `lang` of <html>.
 *
 * Values. An element with `data-live="NAME"` gets the value as its text (<progress> and <meter> as their value), and
 * raw in `data-value`, for styles. With `data-words='{"running": "进行中"}'` the text is the word for the value.
 * An element with `data-live-if="NAME"` is hidden while that value is null, 0 or empty.
 *
 *   anywhere in <main>      status, stage, settled, planned, percent (0–100),
 *                           waiting, asking, answered, analyzed, failed, cancelled (samples by state),
 *                           open (waiting + asking), landed (answered + analyzed),
 *                           left ("about 3 min left"), left_basis (what that rests on, or why it is not known),
 *                           waits_until (the next try, where all that is open waits for it),
 *                           limit, spent, reserved (money, with data-currency left on the element)
 *   in [data-engine="NAME"] the same counts of this engine, and settled, planned, errors ("auth × 3": data-words give
 *                           each code its word),
 *                           paused (the reason as a code: give it data-words), paused_message, paused_until
 *   <progress data-live="bar">                    settled of planned, in either place
 *   <ol data-live="answers" data-most="50">       answers that land are put in front; more than data-most fall off
 *   <output data-live="announce" aria-live="polite">   one sentence, at most every ten seconds
 *   data-live="connection"                        live, polling or offline: give it data-words
 *
 * Rows. <template data-live="answer"> and <template data-live="failure"> hold one <li> each, which is copied for every
 * answer that landed and every sample that is given up; it gets data-sample-id, data-engine, data-prompt-no, and in it
 * the elements with `data-field` get their text (and their data-value; data-words work here, too):
 *
 *   answer    engine, prompt_no, repeat_no, kind, served_model, excerpt, latency, cost, brands
 *             <a data-field="link"> gets its address; [data-if="simulated|imported|reused|cost|served_model|brands"]
 *             are hidden without it. brands is empty until the answer is read; then the row gets data-read, and where
 *             none is named the text of data-none
 *   failure   engine, prompt_no, repeat_no, code, message
 *
 * A row of the page's own with data-sample-id is known and not added again; a sample that lands later replaces its row.
 */

const ANNOUNCE_MS = 10_000;
/** the browser tries again by itself; the status is asked when that takes longer than this */
const PATIENCE_MS = 5_000;
/** a stream that the server refused is tried again after this */
const AGAIN_MS = 15_000;
const MOST_ROWS = 50;
const STATES = ["waiting", "asking", "answered", "analyzed", "failed", "cancelled"];

const main = document.querySelector("main[data-events]");
if (main) follow(main);

function follow(main) {
  const language = document.documentElement.lang || "en";
  const numbers = new Intl.NumberFormat(language);
  const seconds = new Intl.NumberFormat(language, { style: "unit", unit: "second", maximumFractionDigits: 1 });
  const instants = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const comma = language.startsWith("zh") ? "、" : ", ";

  let source = null;
  let lastId = "";
  let etag = "";
  let over = false;
  let patience = 0;
  let again = 0;
  let polling = 0;
  let asking = false;

  // -- the stream

  function connect() {
    clearTimeout(again);
    if (source) source.close();
    const url = new URL(main.dataset.events, location.href);
    if (lastId) url.searchParams.set("after", lastId);
    source = new EventSource(url);
    source.addEventListener("open", opened);
    source.addEventListener("error", broken);
    on("progress", showProgress);
    on("answer", showAnswer);
    on("read", showRead);
    on("failed", showFailure);
    on("end", end);
  }

  function on(name, show) {
    source.addEventListener(name, (event) => {
      if (over) return;
      if (event.lastEventId) lastId = event.lastEventId;
      show(JSON.parse(event.data));
    });
  }

  function opened() {
    clearTimeout(patience);
    patience = 0;
    clearTimeout(polling);
    polling = 0;
    connection("live");
  }

  function broken() {
    if (over) return;
    if (source.readyState === EventSource.CLOSED) {
      clearTimeout(again);
      again = setTimeout(connect, AGAIN_MS);
      poll();
    } else if (!patience) {
      patience = setTimeout(poll, PATIENCE_MS);
    }
  }

  // -- without the stream

  async function poll() {
    if (over || asking) return;
    asking = true;
    clearTimeout(polling);
    let wait = PATIENCE_MS;
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const reply = await fetch(main.dataset.status, { headers, cache: "no-store", credentials: "same-origin" });
      if (reply.status === 200) {
        etag = reply.headers.get("ETag") || "";
        const standing = await reply.json();
        showProgress(standing);
        if (standing.terminal) return void end();
        main.dataset.pollAfterMs = standing.poll_after_ms;
      }
      const seen = reply.status === 200 || reply.status === 304;
      if (seen) wait = Math.max(1_000, Number(main.dataset.pollAfterMs) || 0);
      if (source.readyState !== EventSource.OPEN) connection(seen ? "polling" : "offline");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // what fetch throws when nobody answers
      if (source.readyState !== EventSource.OPEN) connection("offline");
    } finally {
      asking = false;
    }
    if (!over && source.readyState !== EventSource.OPEN) polling = setTimeout(poll, wait);
  }

  function end() {
    over = true;
    source.close();
    clearTimeout(again);
    clearTimeout(patience);
    clearTimeout(polling);
    // a page that still follows after it was loaded again would load itself for ever
    const key = `brandq ended ${new URL(main.dataset.status, location.href).pathname}`;
    if (sessionStorage.getItem(key)) return;
    sessionStorage.setItem(key, "1");
    location.reload();
  }

  // -- values

  function showProgress(standing) {
    const cost = standing.cost || {};
    const left = standing.left || {};
    const counts = counted(standing.counts);
    show(main, {
      ...counts,
      status: standing.status,
      stage: standing.stage,
      settled: standing.progress.settled,
      planned: standing.progress.planned,
      percent: standing.progress.percent,
      left: left.words || null,
      left_basis: left.basis || left.reason || null,
      waits_until: instant(standing.waits_until),
      limit: money(cost.limit, cost.currency),
      spent: money(cost.spent, cost.currency),
      reserved: money(cost.reserved, cost.currency),
    });
    for (const engine of standing.engines) {
      for (const row of main.querySelectorAll(`[data-engine="${CSS.escape(engine.engine)}"]:not([data-sample-id])`)) {
        const theirs = counted(engine.counts);
        const paused = engine.paused || {};
        show(row, {
          ...theirs,
          settled: theirs.analyzed + theirs.failed + theirs.cancelled,
          planned: STATES.reduce((sum, state) => sum + theirs[state], 0),
          errors: Object.entries(engine.errors),
          paused: paused.reason || null,
          paused_message: paused.message || null,
          paused_until: instant(paused.until),
        });
      }
    }
    if (standing.words) announce(standing.words);
  }

  function counted(counts) {
    const all = Object.fromEntries(STATES.map((state) => [state, counts[state] || 0]));
    return { ...all, open: all.waiting + all.asking, landed: all.answered + all.analyzed };
  }

  /** Puts the values into the scope's elements, but for those that belong to an engine's row within it. */
  function show(scope, values) {
    for (const element of scope.querySelectorAll("[data-live], [data-live-if]")) {
      if (element.closest("[data-engine], main") !== scope) continue;
      const { live, liveIf } = element.dataset;
      if (liveIf in values) element.hidden = !values[liveIf] || values[liveIf].length === 0;
      if (live === "bar") {
        element.max = values.planned || 1;
        element.value = values.settled;
      } else if (live === "errors") {
        const told = values.errors.map(([code, n]) => `${wordFor(element, code) ?? code} × ${numbers.format(n)}`);
        put(element, told.join(comma));
      } else if (live in values) {
        put(element, values[live]);
      }
    }
  }

  function wordFor(element, raw) {
    return element.dataset.words && JSON.parse(element.dataset.words)[raw];
  }

  function put(element, value) {
    const raw = value === null || value === undefined ? "" : String(value);
    element.dataset.value = raw;
    if (element.tagName === "PROGRESS" || element.tagName === "METER") {
      element.value = Number(raw);
      return;
    }
    const text = wordFor(element, raw) ?? (typeof value === "number" ? numbers.format(value) : raw);
    if (element.textContent !== text) element.textContent = text;
  }

  function connection(how) {
    for (const element of main.querySelectorAll('[data-live="connection"]')) put(element, how);
  }

  function instant(text) {
    return text ? instants.format(new Date(text)) : null;
  }

  function money(amount, currency) {
    if (!amount) return null;
    const options = currency ? { style: "currency", currency, maximumFractionDigits: 6 } : {};
    return new Intl.NumberFormat(language, options).format(Number(amount));
  }

  // -- what is said aloud

  let unsaid = "";
  let quiet = 0;

  function announce(words) {
    unsaid = words;
    if (quiet) return;
    say();
  }

  function say() {
    quiet = 0;
    if (!unsaid) return;
    for (const element of main.querySelectorAll('[data-live="announce"]')) {
      if (element.textContent !== unsaid) element.textContent = unsaid;
    }
    unsaid = "";
    quiet = setTimeout(say, ANNOUNCE_MS);
  }

  // -- rows

  function rowOf(sampleId) {
    return main.querySelector(`[data-live="answers"] > [data-sample-id="${Number(sampleId)}"]`);
  }

  function showAnswer(answer) {
    add("answer", answer, {
      kind: answer.kind,
      served_model: answer.served_model,
      excerpt: answer.excerpt,
      latency: answer.latency_ms === null ? null : seconds.format(answer.latency_ms / 1000),
      cost: money(answer.cost.amount, answer.cost.currency),
      simulated: answer.simulated,
      imported: answer.imported,
      reused: answer.taken_from !== null,
      link: answer.links.answer,
      brands: answer.brands,
    });
  }

  function showFailure(failure) {
    add("failure", failure, { code: failure.error.code, message: failure.error.message });
  }

  function showRead(read) {
    const row = rowOf(read.sample_id);
    if (row) fill(row, { brands: read.brands });
  }

  function add(kind, told, values) {
    const list = main.querySelector('[data-live="answers"]');
    const template = main.querySelector(`template[data-live="${kind}"]`);
    if (!list || !template) return;
    const row = template.content.firstElementChild.cloneNode(true);
    row.dataset.sampleId = told.sample_id;
    row.dataset.engine = told.engine;
    row.dataset.promptNo = told.prompt_no;
    fill(row, { engine: told.engine, prompt_no: told.prompt_no, repeat_no: told.repeat_no, ...values });
    const known = rowOf(told.sample_id);
    if (known) known.replaceWith(row);
    else list.prepend(row);
    const most = Number(list.dataset.most) || MOST_ROWS;
    while (list.children.length > most) list.lastElementChild.remove();
  }

  function fill(row, values) {
    if (values.brands) row.dataset.read = "";
    for (const element of row.querySelectorAll("[data-field], [data-if]")) {
      const { field, if: needed } = element.dataset;
      if (needed in values) element.hidden = needed === "brands" ? !values.brands : !values[needed];
      if (!(field in values)) continue;
      const value = values[field];
      if (field === "link") {
        // only ever an address of this service
        if (/^\/[^/\\]/.test(value)) element.setAttribute("href", value);
      } else if (field === "brands") {
        put(element, value === null ? null : value.join(comma) || element.dataset.none || "");
      } else {
        put(element, value);
      }
    }
  }

  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted && !over) connect();
  });
  connect();
}
