"""Pictures of every page, to be looked at: `make screenshots` writes them to out/screenshots.

Each in English and Chinese, light and dark, on a desk and on a phone; and once with ten brands on eight engines, with
long names. Nothing here asks a real assistant.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.browser.places import PLACES, Stage, set_stage
from tests.browser.site import Served, find_chromium, look, serve

OUT = Path("out/screenshots")
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, Any]] = {
    "en-light": {"viewport": DESK, "color_scheme": "light", "locale": "en-US"},
    "zh-dark": {"viewport": DESK, "color_scheme": "dark", "locale": "zh-CN"},
    "zh-light-phone": {"viewport": PHONE, "color_scheme": "light", "locale": "zh-CN", "device_scale_factor": 2},
    "en-dark-phone": {"viewport": PHONE, "color_scheme": "dark", "locale": "en-US", "device_scale_factor": 2},
}
#: ten brands on eight engines, with names as people have them
LARGE = {
    "label": "ten brands on eight engines",
    "brands": [
        {"name": "趣车良品", "aliases": ["趣车"], "domains": ["example.com"]},
        *["竞品 1", "竞品 2", "Northwind Traders International Performance Tuning & Detailing", "L'Oréal", "AT&T"],
        *["深圳市南山区新能源汽车个性化改装与美容养护服务中心", "C++", "👑 Crown", "الرياض"],
    ],
    "prompts": [
        *[
            "深圳新能源汽车改装门店哪家好？",
            "Which EV tuning shop in Shenzhen is the best?",
            "改装店推荐",
            "预算五万，改装特斯拉找谁？",
        ],
        *["Where can I have my car wrapped?", "趣车良品靠谱吗？"],
    ],
    "engines": ["doubao", "qwen", "openai", "claude", "gemini", "deepseek", "kimi", "broken"],
    "repeats": 3,
}


def take(browser: Browser, served: Served, stage: Stage, prefix: str, places: list[str]) -> list[str]:
    """Pictures of these pages in every look; what was amiss in them."""
    amiss = []
    for look_name, options in LOOKS.items():
        for name in places:
            context, watch = look(browser, served, **options)
            page = context.new_page()
            page.goto(PLACES[name](stage))
            page.wait_for_load_state("load")
            _draw_all(page)
            page.screenshot(path=OUT / f"{prefix}{name}-{look_name}.png", full_page=True)
            amiss += [f"{name} {look_name}: {words}" for words in watch.amiss() if "404" not in words]
            context.close()
    return amiss


def _draw_all(page: Any) -> None:
    """Have every chart drawn that waits until it is looked at."""
    page.evaluate(
        """async () => {
          for (const figure of document.querySelectorAll("figure.chart")) {
            figure.scrollIntoView();
            const begun = performance.now();
            while (!figure.querySelector("svg, canvas") && performance.now() - begun < 8000)
              await new Promise((resolve) => setTimeout(resolve, 50));
          }
          window.scrollTo(0, 0);
        }"""
    )


def main(only: list[str]) -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        stage = set_stage(served)
        places = [name for name in PLACES if not only or name in only]
        amiss = take(browser, served, stage, "", places)
        large = served.finished(**LARGE)
        again = Stage(large, stage.earlier, stage.partial, stage.waiting, stage.brand, stage.sample_id)
        amiss += take(browser, served, again, "large-", [name for name in ("report", "answers") if name in places])
        browser.close()
    print(f"{len(list(OUT.glob('*.png')))} pictures in {OUT}")
    print(*amiss, sep="\n")
    return 1 if amiss else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
