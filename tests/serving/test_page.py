"""The page of a real server in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

import jkeras
from jkeras import layers
from tests.export.browser import CHROMIUM, Browser
from tests.serving.running import running


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed here")
def test_a_browser_asks_the_server(tmp_path: Path) -> None:
    parts = [jkeras.Input((2,)), layers.Dense(2, activation="softmax")]
    model = jkeras.Sequential(parts, seed=0, name="coin")
    model.build()
    model.set_weights([[[0.0, 9.0], [0.0, 0.0]], [0.0, 0.0]])
    browser = Browser(tmp_path)
    try:
        with running({"coin": model}) as client:
            browser.call("Page.navigate", url=f"{client.base_url}/")
            text = "(document.body?.innerText ?? '')"
            browser.wait_for(f"{text}.includes('50.0%')")  # of zeros
            browser.evaluate(
                "(() => { const field = document.querySelector('input'); field.value = '1';"
                "field.dispatchEvent(new Event('input', { bubbles: true })); return 0; })()"
            )
            browser.wait_for(f"{text}.includes('100.0%')")
    finally:
        browser.close()
