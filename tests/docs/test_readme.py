"""The README's first screen: what it is, a picture, why, and two commands."""

from __future__ import annotations

from tests.docs.pages import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN = 45
"""Lines."""


def test_the_first_screen_has_a_picture_a_reason_and_two_commands() -> None:
    screen = "\n".join(README.splitlines()[:FIRST_SCREEN])
    parts = ["(docs/mnist.png)", "## Why not Keras?", "\nmake mnist ", "\nmake test "]
    places = [screen.index(part) for part in parts]
    assert places == sorted(places)


def test_the_picture_is_small() -> None:
    picture = (ROOT / "docs" / "mnist.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) < 150_000
