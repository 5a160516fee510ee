"""Chromium without a window, and axe-core to look at a page with; None where they cannot be had."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

AXE = "axe-core@4.14.1"
_ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHROMIUM = shutil.which("chromium")
"""Debian's; the one that Playwright would bring is never downloaded."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def axe_source() -> str | None:
    """The script of axe-core from npm, installed once."""
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "minerflow-tests" / AXE
    script = home / "node_modules/axe-core/axe.min.js"
    if not script.exists() and shutil.which("npm"):
        install = ["npm", "install", "--no-fund", "--no-audit", "--silent", "--prefix", str(home), AXE]
        subprocess.run(install, check=False)
    return script.read_text(encoding="utf-8") if script.exists() else None
