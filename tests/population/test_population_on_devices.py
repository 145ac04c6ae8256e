"""What needs several devices runs in a process of its own that has four of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_on_four_devices() -> None:
    file = Path(__file__).parent / "check_devices.py"
    options = ["-q", "-p", "no:cacheprovider", "-o", "python_files=check_*.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(file)],
        env=os.environ | {"JAX_NUM_CPU_DEVICES": "4", "PYTEST_ADDOPTS": ""},
        cwd=file.parents[2],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
