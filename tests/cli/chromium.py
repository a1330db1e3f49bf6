"""Debian's Chromium without a screen and without a network, and what it has to complain about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

QUIET = (
    "--no-sandbox",  # it may run as root here, and reads pages of ours only
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Heard:
    """What a page said on the console, what broke in it, and what it asked others for."""

    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """From now on."""
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", self._request)

    def _request(self, request: Request) -> None:
        if not request.url.startswith("data:"):
            self.asked.append(request.url)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Started once for many pages. The test fails where it is missing: a page that nobody saw proves nothing."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("Debian's Chromium is missing, in which reports are looked at: make browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, *, online: bool = False, **context: Any) -> Iterator[tuple[Page, Heard]]:
    """A page that has drawn itself."""
    heard = Heard()
    around = browser.new_context(offline=not online, **context)
    page = around.new_page()
    heard.listen(page)
    page.goto(url)
    page.wait_for_selector("html[data-drawn]", state="attached")
    yield page, heard
    around.close()


def until(page: Page, holds: str) -> None:
    """Wait until an expression is true; the page's policy lets nobody hand it one to watch."""
    for _ in range(300):
        if page.evaluate(holds):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never so: {holds}")
