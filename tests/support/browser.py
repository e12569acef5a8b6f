"""A real Chromium without a window, for pages of ours. It gets no network: pages are opened from files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

_FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)
NEEDED = "Chromium and its driver are not installed: run `make browser` (Debian's chromium and chromium-driver)"


def programs() -> tuple[str, str] | None:
    """The browser and its driver, if both are there."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


@contextmanager
def opened(width: int = 1280, height: int = 800) -> Iterator[WebDriver]:
    """A browser with a profile of its own; `programs` must have found it."""
    found = programs()
    if found is None:
        raise RuntimeError(NEEDED)
    options = Options()
    options.binary_location = found[0]
    for flag in (*_FLAGS, f"--window-size={width},{height}"):
        options.add_argument(flag)
    if os.geteuid() == 0:
        # its sandbox refuses to run as root
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with TemporaryDirectory(prefix="hauberk-browser-") as profile:
        options.add_argument(f"--user-data-dir={profile}")
        driver = webdriver.Chrome(options=options, service=Service(found[1]))
        try:
            yield driver
        finally:
            driver.quit()


def show(driver: WebDriver, page: Path, scheme: str = "light") -> None:
    """Opens a file with this colour scheme preferred."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    command(driver, "Emulation.setEmulatedMedia", {"features": features})
    driver.get(page.resolve().as_uri())


def command(driver: WebDriver, name: str, arguments: dict[str, Any]) -> None:
    driver.execute_cdp_cmd(name, arguments)


def complaints(driver: WebDriver) -> list[str]:
    """What the browser's console says: errors of scripts, and what the page's policy refused."""
    return [str(entry["message"]) for entry in driver.get_log("browser")]  # type: ignore[no-untyped-call]  # selenium has no types for it
