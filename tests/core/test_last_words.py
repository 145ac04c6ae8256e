"""What a process says before `abort` ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from jkeras.core import last_words

PROGRAM = """
import os, runpy, sys, threading
before_abort = runpy.run_path(sys.argv[1])["before_abort"]
before_abort(lambda: "the first handler")
before_abort(lambda: sys.argv[2])
threading.Thread(target=os.abort).start()
threading.Event().wait(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="abort raises no signal there")
def test_words_are_said_before_abort_and_none_leave_it_to_earlier_handlers() -> None:
    for words, said in (("process 0 is gone", "process 0 is gone"), ("", "the first handler")):
        command = [sys.executable, "-c", PROGRAM, last_words.__file__, words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, done.stderr.strip()) == (1, said)


@pytest.mark.skipif(os.name != "posix", reason="abort raises no signal there")
def test_without_words_abort_ends_the_process() -> None:
    program = PROGRAM.replace('"the first handler"', '""')
    command = [sys.executable, "-c", program, last_words.__file__, ""]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGABRT
