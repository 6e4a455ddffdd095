"""The pages in a real browser: from the first look to an execution that is cancelled, and one that failed."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.site import Served


def test_the_first_page_leads_on(page: Page, served: Served) -> None:
    """Given an execution that ended, when its name is followed from the first page, then its page is there."""
    execution_id = served.finished(label="first look")
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("What AI assistants say")
    assert page.locator(f"#ended a[href*='{execution_id}']").count() >= 1


def test_language_and_theme_are_switched(page: Page, served: Served) -> None:
    """When 简体中文 is chosen, then this page and the next are Chinese; the theme changes in place and stays."""
    page.goto("/")
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.locator("[data-theme-choice='dark']").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.locator("[data-theme-choice='light']").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
