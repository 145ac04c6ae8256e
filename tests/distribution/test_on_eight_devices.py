"""What needs several devices runs in a process of its own that has eight of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("check_*.py"))


@pytest.mark.parametrize("name", FILES)
def test_on_eight_devices(name: str) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-o", "python_files=check_*.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(HERE / name)],
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "8", "PYTEST_ADDOPTS": ""},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
