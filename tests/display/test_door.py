"""The door of `jkeras.display`."""

import jkeras.display as display


def test_exports_are_sorted_and_exist() -> None:
    assert display.__all__ == sorted(display.__all__)
    assert all(hasattr(display, name) for name in display.__all__)
