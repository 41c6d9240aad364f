"""A real browser without a window, for pages: Chromium, driven by Selenium. Without them the tests are skipped.

MINIGEN_BROWSER=required, as in continuous integration, makes a missing browser an error.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)


@contextmanager
def browser(width: int = 1200, dark: bool = False) -> Iterator[Any]:
    """A driver whose page is `width` CSS pixels wide; dark: as a reader who prefers dark pages."""
    program, driver = shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")
    try:
        from selenium import webdriver
    except ImportError:
        webdriver = None
    if not (program and driver and webdriver):
        if os.environ.get("MINIGEN_BROWSER") == "required":
            raise RuntimeError("MINIGEN_BROWSER=required, but chromium, chromedriver or selenium is missing")
        pytest.skip("needs chromium, chromedriver and selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in FLAGS:
        options.add_argument(flag)
    session = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    try:
        session.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        )
        session.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
        )
        yield session
    finally:
        session.quit()


def check_page(session: Any, path: Path) -> None:
    """Open a page and see that it is whole: no error, nothing fetched, every picture drawn, nothing wider than the window."""
    session.get(path.resolve().as_uri())
    session.execute_script("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    session.execute_async_script("""const done = arguments[0];
        Promise.all([...document.images].map(i => i.decode().catch(() => 0))).then(() => done())""")
    assert not session.get_log("browser"), "errors in the console"
    fetched = session.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert all(name.startswith("data:") for name in fetched), f"the page asks the network for {fetched}"
    empty = session.execute_script(
        "return [...document.images].filter(i => !i.naturalWidth || !i.alt).map(i => i.outerHTML.slice(0, 80))"
    )
    assert not empty, f"pictures that are not drawn or not described: {empty}"
    wide, window = session.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= window, f"the page is {wide} pixels wide in a window of {window}"


def background(session: Any) -> int:
    """How bright the page's paper is: the sum of its red, green and blue, 0 to 765."""
    color = session.execute_script("return getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in color[color.index("(") + 1 : -1].split(",")[:3])
