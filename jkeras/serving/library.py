"""Whether the packages of the server are there."""

from __future__ import annotations

import importlib.util


def needs(*names: str) -> None:
    """Raises where a package is missing.

    Raises:
      ImportError: the message says how to install it.
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f"serve: expected {' and '.join(missing)} to be installed. "
            "Run: pip install 'jkeras[serve]'."
        )
