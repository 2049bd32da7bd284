"""A headless Chromium, for what a page does."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest


def chromium() -> Iterator[Any]:
    """Opened, for as long as the caller goes on; skips where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no chromium on the PATH")
    with sync_api.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


# Of a module: while it is open, an event loop runs in this thread, and `asyncio.run` of other tests would be refused.
browser = pytest.fixture(chromium, scope="module")
