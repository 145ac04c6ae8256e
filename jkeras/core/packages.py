"""Optional packages: whether one is there, and the command that installs it."""

from __future__ import annotations

import importlib.util


def need_package(module: str, who: str, extra: str) -> None:
    """Raises an ImportError with the command to install a package that is not there.

    Args:
      module: the name under which the package is imported.
      who: what needs it.
      extra: the name of the group of packages in `pip install 'jkeras[…]'`.
    """
    if importlib.util.find_spec(module) is None:
        raise ImportError(
            f"{who} needs {module}, which is not installed: pip install 'jkeras[{extra}]'"
        )
