"""Charts in a page: drawn by the bundle under the strictest policy, in either theme, whatever brands are called."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
import uvicorn
from markupsafe import escape
from playwright.sync_api import Browser, Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from brandq.charts import Chart, Point, compared, config, drawing, for_export, history, report_charts
from brandq.measures.comparing import compare
from brandq.measures.counting import Cluster
from brandq.web import assets
from brandq.words import words_in
from tests.browser.site import PATIENCE_MS, Watch
from tests.charts.documents import BRANDS, ENGINES, HOSTILE, NOW, PROMPTS, made
from tests.ports import free_port
from tests.waiting import wait_until

POLICY = (
    "default-src 'none'; script-src 'nonce-X'; style-src 'nonce-X'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
#: what breaks the policy is told to the page as well; it is kept here, and no text of a brand may come to run
_PAGE = """<!doctype html><html lang="en"{theme}><head><meta charset="utf-8"><title>Charts</title>
<link rel="icon" href="data:,">
<style nonce="X">:root {{ --raised: #fff; --ink: #000; --line: #ccc }} main {{ max-width: 60rem }}</style>
<script nonce="X">
window.broken = []; window.ran = [];
document.addEventListener("securitypolicyviolation", (event) => broken.push(event.violatedDirective + " " + event.sample));
window.alert = (text) => ran.push(text);
</script>
<script src="/vega.js" nonce="X" defer></script><script type="module" src="/charts.js" nonce="X"></script>
<script type="application/json" id="chart-configs" nonce="X">{configs}</script></head><body><main>{figures}</main></body></html>"""
_FIGURE = """<figure class="chart" id="{name}"><figcaption>{title}</figcaption>
<script type="application/json" class="chart-spec" nonce="X">{spec}</script>
<p class="until-drawn">{said}</p><table><tr><td>the numbers of {name}</td></tr></table></figure>"""


def as_json(value: Any) -> str:
    return json.dumps(value).replace("<", "\\u003c")


def page_of(charts: Mapping[str, Chart], *, theme: str | None = None, configs: Any = None) -> str:
    return _PAGE.format(
        theme=f' data-theme="{theme}"' if theme else "",
        configs=as_json(configs or {"light": config("light"), "dark": config("dark")}),
        figures="".join(
            _FIGURE.format(
                name=chart.name, title=escape(chart.title), said=escape(chart.said), spec=as_json({"spec": chart.spec})
            )
            for chart in charts.values()
        ),
    )


@dataclass
class Site:
    """Pages with charts, by their paths."""

    url: str
    pages: dict[str, str]

    def show(self, page: Page, charts: Mapping[str, Chart], **options: Any) -> None:
        self.pages["/page"] = page_of(charts, **options)
        page.goto(f"{self.url}/page")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    site = Site(f"http://127.0.0.1:{(port := free_port())}", {})
    scripts = {"/vega.js": drawing.bundle(), "/charts.js": assets._body("charts.js")}

    async def give(request: Request) -> Response:
        if request.url.path in scripts:
            return Response(scripts[request.url.path], media_type="text/javascript")
        return Response(
            site.pages[request.url.path], media_type="text/html", headers={"Content-Security-Policy": POLICY}
        )

    app = Starlette(routes=[Route("/{path:path}", give)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 20, "the page of charts to be served")
    yield site
    server.should_exit = True
    thread.join()


@pytest.fixture
def view(chromium: Browser, site: Site, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of this size, 1100 × 900 unless a test says otherwise, in which nothing may go wrong."""
    width, scheme = getattr(request, "param", (1100, "light"))
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    watch = Watch(site.url)
    watch.over(context)
    page = context.new_page()
    yield page
    told = page.evaluate("[...window.broken, ...window.ran]")
    context.close()
    assert watch.amiss() == []
    assert told == []


def draw_all(page: Page, charts: Mapping[str, Chart]) -> None:
    """Scroll to each figure, and wait until it is drawn."""
    for name in charts:
        figure = page.locator(f"#{name}")
        figure.scroll_into_view_if_needed()
        expect(figure.locator("svg")).to_be_visible(timeout=PATIENCE_MS)


def test_every_chart_is_drawn_under_the_policy_of_pages(view: Page, site: Site) -> None:
    """Given a report of ten brands, eight engines and twenty prompts, when its figures come into view, then each is
    drawn with a name for who cannot see it, its table stays, and nothing breaks the policy or leaves the origin."""
    charts = report_charts(made(BRANDS, ENGINES, PROMPTS * 4), words_in("zh"))
    site.show(view, charts)
    assert len(charts) == 12
    draw_all(view, charts)
    for name, chart in charts.items():
        figure = view.locator(f"#{name}")
        drawing = figure.get_by_role("img", name=chart.said, exact=True)
        assert drawing.get_attribute("aria-label") == chart.said
        assert figure.locator("table").is_visible()
        assert not figure.locator(".until-drawn").is_visible()
        drawn, frame = drawing.bounding_box(), figure.bounding_box()
        assert drawn
        assert frame
        assert frame["width"] - 2 <= drawn["width"] <= frame["width"] + 2, name


def test_figures_of_change_are_drawn_under_the_policy_too(view: Page, site: Site) -> None:
    """Given a rate over time with a change of the model, and two executions that are compared, when their figures come
    into view, then they are drawn, with each execution's day under its point, as a file has it."""
    points = [Point(NOW + timedelta(days=7 * n), f"id{n}", 0.5, 0.4, 0.6, 30, 60) for n in range(4)]
    points[2] = replace(points[2], model_change="gpt-5.6 → gpt-6")
    over_time = history(points, words_in("en"))
    assert over_time is not None
    row = {"brand": "A", "measure": "mention_rate", "engine": None}
    sides = [[Cluster(prompt, k, 10, "e") for prompt in range(8)] for k in (2, 7)]
    charts = {"history": over_time, **compared({"primary": {**row, **compare(*sides)}, "others": []}, words_in("en"))}
    site.show(view, charts)
    draw_all(view, charts)
    shown = view.locator("#history svg text").all_text_contents()
    assert [text for text in shown if text.startswith(("Nov", "Dec"))] == ["Nov 24", "Dec 1", "Dec 8", "Dec 15"]
    drawn = drawing.svg(for_export(over_time.spec, 1100), config("light"))
    assert all(f">{text}<" in drawn for text in shown if text)


@pytest.mark.parametrize("view", [(390, "light")], indirect=True)
def test_a_figure_that_is_wider_than_a_phone_is_scrolled_by_itself(view: Page, site: Site) -> None:
    """Given a page as narrow as a phone, then a figure keeps the width that its texts need and is scrolled, by keyboard
    too, and the page is not wider than the phone."""
    charts = report_charts(made(BRANDS, ENGINES, PROMPTS), words_in("en"))
    site.show(view, charts)
    draw_all(view, charts)
    for name, chart in charts.items():
        scrolled = view.locator(f"#{name} .drawing")
        width = scrolled.evaluate("element => element.scrollWidth")
        assert width >= chart.spec["usermeta"]["least_width"], name
        assert scrolled.get_attribute("tabindex") == "0"
    assert view.evaluate("document.documentElement.scrollWidth") <= 390


def test_figures_out_of_view_are_not_drawn(view: Page, site: Site) -> None:
    """Given a page of a dozen figures, when it is opened, then those far below are drawn when they come into view, and
    not before."""
    charts = report_charts(made(BRANDS, ENGINES, PROMPTS * 4), words_in("en"))
    site.show(view, charts)
    expect(view.locator("#mention_rates svg")).to_be_visible()
    assert view.locator("#coverage svg").count() == 0
    view.locator("#coverage").scroll_into_view_if_needed()
    expect(view.locator("#coverage svg")).to_be_visible()


def test_brands_of_any_name_are_shown_and_nothing_runs(view: Page, site: Site) -> None:
    """Given brands, engines and prompts whose names are scripts, tags, expressions and templates, when their figures
    are drawn and pointed at, then the names are text in them, and nothing of them runs."""
    charts = report_charts(made(HOSTILE, HOSTILE[:4], HOSTILE), words_in("en"))
    site.show(view, charts)
    draw_all(view, charts)
    shown = "\n".join(view.locator("#mention_rates svg text").all_text_contents())
    for text in ('"+alert(1)+"', "datum.x", "line one line two line three", "onerror=alert(1)"):
        assert text in shown
    for name in charts:
        view.locator(f"#{name}").scroll_into_view_if_needed()
        marks = view.locator(f"#{name} svg .mark-symbol path, #{name} svg .mark-rect path")
        for number in range(0, min(marks.count(), 30), 5):
            marks.nth(number).hover(force=True)
    assert view.locator("main img, main iframe, main a, .chart-tip img").count() == 0


def test_what_is_pointed_at_is_told(view: Page, site: Site) -> None:
    """Given a brand's bar, when it is pointed at, then its whole name, its value and its interval stand beside it, and
    go with the pointer."""
    name = "A & B <i>Company</i> with a name that is far too long for any label of a figure"
    charts = report_charts(made((name, "B")), words_in("en"))
    site.show(view, {"share_of_voice": charts["share_of_voice"]})
    draw_all(view, {"share_of_voice": charts["share_of_voice"]})
    labels = view.locator("#share_of_voice svg text").all_text_contents()
    assert not any(name in label for label in labels)
    number = made((name, "B"))["brands"][0]["overall"]["share_of_voice"]
    bars = view.locator("#share_of_voice svg .mark-rect path")
    tip = view.locator(".chart-tip")
    found = []
    for place in range(bars.count()):
        bars.nth(place).hover(force=True)
        expect(tip).to_be_visible()
        found.append(tip.inner_text())
    told = next(text for text in found if name in text)
    assert f"{number['k']}/{number['n']}" in told
    assert "95% interval: " in told
    view.mouse.move(2, 2)
    expect(tip).to_be_hidden()


def tick(view: Page) -> Locator:
    return view.locator("#mention_rates svg").get_by_text("0%", exact=True)


def test_figures_change_with_the_theme(view: Page, site: Site) -> None:
    """Given a figure, when the reader chooses the dark theme, then it is drawn anew in the colours of that theme."""
    charts = {"mention_rates": report_charts(made(), words_in("en"))["mention_rates"]}
    site.show(view, charts, theme="light")
    draw_all(view, charts)
    light, dark = (config(theme)["style"]["scale"]["labelColor"] for theme in ("light", "dark"))
    assert light != dark
    expect(tick(view)).to_have_attribute("fill", light)
    view.evaluate("document.documentElement.dataset.theme = 'dark'; document.dispatchEvent(new Event('brandq:theme'))")
    expect(tick(view)).to_have_attribute("fill", dark)
    assert view.locator("#mention_rates svg").count() == 1


@pytest.mark.parametrize("view", [(1100, "dark")], indirect=True)
def test_without_a_choice_the_theme_is_that_of_the_system(view: Page, site: Site) -> None:
    """Given a system that is dark, and no choice of the reader's, then figures are dark, and follow the system."""
    charts = {"mention_rates": report_charts(made(), words_in("en"))["mention_rates"]}
    site.show(view, charts)
    draw_all(view, charts)
    light, dark = (config(theme)["style"]["scale"]["labelColor"] for theme in ("light", "dark"))
    expect(tick(view)).to_have_attribute("fill", dark)
    view.emulate_media(color_scheme="light")
    expect(tick(view)).to_have_attribute("fill", light)
