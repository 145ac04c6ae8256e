"""Scripts outside of the package as modules, for tests of what they hold."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from unittest import mock


def module_at(path: Path) -> ModuleType:
    """The module in a file, run anew; what it sets in the environment goes again."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(os.environ):
        spec.loader.exec_module(module)
    return module
