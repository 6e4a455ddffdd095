"""Each page can be used by everybody: axe's rules, the keyboard, a phone, both themes and both languages."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.places import PLACES, Stage, set_stage
from tests.browser.site import Served, look

LOOKS = {
    "desktop light en": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light", "locale": "en-US"},
    "phone dark zh": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "locale": "zh-CN"},
}
#: what the browser says of a page that is not there, which is no fault of the page
NOT_FOUND = "the server responded with a status of 404"


@pytest.fixture(scope="module")
def stage(served: Served) -> Stage:
    return set_stage(served)


@pytest.mark.parametrize("options", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("name", PLACES)
def test_nobody_is_kept_from_a_page(
    chromium: Browser, served: Served, stage: Stage, name: str, options: dict[str, object]
) -> None:
    """Given each page, on a desk and on a phone, then axe finds nothing, nothing is amiss, and it scrolls one way only."""
    context, watch = look(chromium, served, **options)
    watch.expected = [NOT_FOUND] if name == "trouble" else []
    page = context.new_page()
    page.goto(PLACES[name](stage))
    page.wait_for_load_state("load")
    # what is drawn when it comes into sight is part of the page
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.evaluate("window.scrollTo(0, 0)")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    faults = [
        f"{fault['id']} ({fault['impact']}): {fault['help']}: {[node['html'][:200] for node in fault['nodes'][:3]]}"
        for fault in found.response["violations"]
    ]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    context.close()
    assert faults == []
    assert watch.amiss() == []
    assert wider <= 0


@pytest.mark.parametrize("name", ["home", "new", "report", "answer"])
def test_the_keyboard_reaches_everything(chromium: Browser, served: Served, stage: Stage, name: str) -> None:
    """Given a page, when Tab is pressed on and on, then the first stop skips to the content and each stop is seen."""
    context, watch = look(chromium, served, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(PLACES[name](stage))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    unseen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => {
              const at = document.activeElement;
              if (at === document.body) return null;
              const style = getComputedStyle(at);
              return [at.outerHTML.slice(0, 120), style.outlineStyle !== "none" || at.matches("input, textarea, select")];
            }"""
        )
        if stop is None:
            break
        if not stop[1]:
            unseen.append(stop[0])
    context.close()
    assert unseen == []
    assert watch.amiss() == []
