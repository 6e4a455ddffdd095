// Draws the figures of a page, each when it comes into view, and anew when the theme changes. Without this script, or
// without the bundle that it calls, what stands in the figure for readers of numbers is all there is, and it stays.
//
//   <figure class="chart" id="mention_rates"><figcaption>…</figcaption>
//     <script type="application/json" class="chart-spec">{"spec": …, "configs": {"light": …, "dark": …}}</script>
//     <table>…</table>
//   </figure>
//
// "configs" may stand once in the page instead: <script type="application/json" id="chart-configs">. A drawn figure has
// the class "drawn"; what has the class "until-drawn" in it is hidden from then on.

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const figures = new Map();

function theme() {
  return root.dataset.theme === "dark" || root.dataset.theme === "light" ? root.dataset.theme : dark.matches ? "dark" : "light";
}

function parsed(script) {
  return script === null ? null : JSON.parse(script.textContent);
}

// as many columns of a legend as there is room for; brandq.charts.chart has the same for files
function legendColumns(names, width) {
  for (let columns = names.length; columns > 1; columns -= 1) {
    let whole = 0;
    for (let place = 0; place < columns; place += 1) {
      whole += Math.max(...names.filter((_, number) => number % columns === place));
    }
    if (whole <= width) return columns;
  }
  return 1;
}

function columnsOf(figure) {
  const legend = figure.spec.usermeta?.legend;
  return legend ? legendColumns(legend.names, figure.ground.clientWidth - legend.beside) : null;
}

// where the figure is drawn; a narrow page scrolls it. Styles are set one by one, since the page's policy takes no
// style attributes.
function ground(element, spec) {
  const scrolled = document.createElement("div");
  scrolled.className = "drawing";
  Object.assign(scrolled.style, { overflowX: "auto", overflowY: "hidden" });
  const image = document.createElement("div");
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", spec.description ?? "");
  // Vega gives what it draws in a role of its own
  const inner = document.createElement("div");
  inner.setAttribute("aria-hidden", "true");
  Object.assign(inner.style, { width: "100%", minWidth: `${spec.usermeta?.least_width ?? 0}px` });
  image.append(inner);
  scrolled.append(image);
  const caption = element.querySelector("figcaption");
  if (caption !== null && caption.parentElement === element) caption.after(scrolled);
  else element.prepend(scrolled);
  return inner;
}

const nothing = {
  load: () => Promise.reject(new Error("figures load nothing")),
  sanitize: () => Promise.reject(new Error("figures link to nothing")),
};

// one drawing of a figure after the other
function draw(figure) {
  figure.turn = figure.turn.then(() => drawAs(figure, theme()));
}

async function drawAs(figure, wanted) {
  if (figure.theme === wanted) return;
  figure.ground ??= ground(figure.element, figure.spec);
  const columns = columnsOf(figure);
  const params = figure.spec.params?.map((param) =>
    param.name === "legend_columns" && columns !== null ? { ...param, value: columns } : param,
  );
  try {
    figure.drawn?.finalize();
    figure.drawn = await window.brandqVega.vegaEmbed(figure.ground, { ...figure.spec, ...(params && { params }) }, {
      mode: "vega-lite",
      ast: true,
      actions: false,
      renderer: "svg",
      defaultStyle: false,
      tooltip: tell,
      loader: nothing,
      config: figure.configs[wanted],
    });
    figure.theme = wanted;
    figure.element.classList.add("drawn");
    for (const hidden of figure.element.querySelectorAll(".until-drawn")) hidden.hidden = true;
    const scrolled = figure.ground.closest(".drawing");
    if (scrolled.scrollWidth > scrolled.clientWidth) scrolled.tabIndex = 0;
  } catch (error) {
    figure.ground.closest(".drawing").remove();
    Object.assign(figure, { ground: null, drawn: null, theme: null });
    console.error(`the figure ${figure.element.id} cannot be drawn`, error);
  }
}

// what the pointer is over, in words: one box for all figures
const box = document.createElement("div");
box.className = "chart-tip";
box.hidden = true;
Object.assign(box.style, {
  position: "fixed",
  zIndex: "30",
  maxWidth: "min(24rem, 90vw)",
  padding: ".5rem .75rem",
  borderRadius: ".5rem",
  border: "1px solid var(--line, GrayText)",
  background: "var(--raised, Canvas)",
  color: "var(--ink, CanvasText)",
  boxShadow: "0 4px 16px rgb(0 0 0 / 18%)",
  fontSize: ".8125rem",
  lineHeight: "1.45",
  overflowWrap: "anywhere",
  pointerEvents: "none",
});

function tell(_, event, __, value) {
  if (value === null || value === undefined || value === "") {
    box.hidden = true;
    return;
  }
  const lines = typeof value === "object" ? Object.entries(value) : [["", value]];
  box.replaceChildren(
    ...lines
      .filter(([, text]) => text !== null && text !== undefined && text !== "" && text !== "undefined" && text !== "null")
      .map(([title, text]) => {
        const line = document.createElement("div");
        if (title) {
          const name = document.createElement("span");
          name.textContent = `${title}: `;
          name.style.opacity = "0.75";
          line.append(name);
        }
        const told = document.createElement("bdi");
        told.textContent = String(text);
        line.append(told);
        return line;
      }),
  );
  if (!box.isConnected) document.body.append(box);
  box.hidden = false;
  const gap = 14;
  const { width, height } = box.getBoundingClientRect();
  const right = event.clientX + gap + width > innerWidth;
  const below = event.clientY + gap + height > innerHeight;
  box.style.left = `${Math.max(4, right ? event.clientX - gap - width : event.clientX + gap)}px`;
  box.style.top = `${Math.max(4, below ? event.clientY - gap - height : event.clientY + gap)}px`;
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      const figure = figures.get(entry.target);
      figure.visible = entry.isIntersecting;
      if (figure.visible) draw(figure);
    }
  },
  { rootMargin: "400px 0px" },
);

function redraw() {
  box.hidden = true;
  for (const figure of figures.values()) if (figure.visible) draw(figure);
}

function fit() {
  for (const figure of figures.values()) {
    const columns = figure.drawn ? columnsOf(figure) : null;
    if (columns !== null) figure.drawn.view.signal("legend_columns", columns).runAsync();
  }
}

const shared = parsed(document.getElementById("chart-configs"));
if (window.brandqVega) {
  for (const element of document.querySelectorAll("figure.chart")) {
    const given = parsed(element.querySelector("script.chart-spec"));
    if (given === null) continue;
    figures.set(element, {
      element,
      spec: given.spec,
      configs: given.configs ?? shared,
      turn: Promise.resolve(),
      theme: null,
      drawn: null,
      ground: null,
      visible: false,
    });
    seen.observe(element);
  }
  document.addEventListener("brandq:theme", redraw);
  dark.addEventListener("change", redraw);
  addEventListener("resize", fit);
  addEventListener("scroll", () => (box.hidden = true), { passive: true });
  // what is printed was perhaps never in view
  addEventListener("beforeprint", () => figures.forEach((figure) => draw(figure)));
}
