"""The watch over processes that compute together: which one failed, and which one is gone.

Every process counts up a number in the coordination service of `jax.distributed` each second, and
leaves a word there when it fails. A process whose collective operation breaks, or that waits for
another, says which one it was; one that waits in a program, where Python cannot raise, ends.

The service is in process 0. Where that one dies, JAX ends the others at once, from C++, by `abort`:
what they have to say is said in between (`jkeras.core.last_words`).
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

import jax

from jkeras.core import last_words

BEAT = 0.5
"""Seconds between two signs of life."""
SURE = 3.0
"""Seconds without a sign of life after which a process is gone, where something is broken."""
GRACE = 5.0
"""Seconds in which a process that waits may raise by itself, before it is ended."""

_ROOT = "jkeras/watch"


class ProcessLostError(RuntimeError):
    """Another process, which computes together with this one, failed or is gone."""


def client() -> Any:
    """The client of the coordination service, through which processes tell each other words."""
    from jax._src import distributed  # no public name reaches it

    return distributed.global_state.client


def number_of_this_process() -> int:
    """The number of this process, without starting a device."""
    from jax._src import distributed

    return distributed.global_state.process_id


@dataclasses.dataclass
class _Work:
    """What this process takes part in.

    Attributes:
      who: its name, for messages.
      members: the processes.
      run: its name, which no other work has.
    """

    who: str
    members: tuple[int, ...]
    run: str


class Watch:
    """The thread that gives signs of life, and looks at those of the others.

    Attributes:
      timeout: seconds without a sign of life after which a process is gone.
      work: what this process takes part in; None for nothing.
    """

    timeout = 100.0

    def __init__(self) -> None:
        self.mine = number_of_this_process()
        self.work: _Work | None = None
        self._ends = threading.Event()
        self._seen: dict[int, tuple[str, float]] = {}
        self._fault_found, self._first = "", "process 0"
        self._tell("who", f"pid {os.getpid()} on {socket.gethostname()}")
        self._thread = threading.Thread(target=self._run, name="jkeras-watch", daemon=True)
        self._thread.start()
        atexit.register(self.stop)
        self._hook = sys.excepthook
        sys.excepthook = self._failed
        if self.mine:
            last_words.before_abort(self._last_words)

    def stop(self) -> None:
        """Ends the thread."""
        self._ends.set()
        self._thread.join()

    def tell_failure(self, error: BaseException, run: str | None) -> None:
        """Tells the others that this process failed, in this work or in any."""
        reason = f"{type(error).__name__}: {error}".strip().partition("\n")[0][:300]
        with contextlib.suppress(jax.errors.JaxRuntimeError):
            self._tell_fault(run, f"{self._named(self.mine)} failed: {reason}")

    def lost(self, members: Sequence[int], run: str | None) -> str:
        """Which other process failed or has not given a sign of life for `SURE` seconds, in words;
        an empty string for none. It takes these seconds.
        """
        until = time.monotonic() + SURE
        try:
            before = self._read("beat")
            while True:
                if told := self._told_fault(members, run):
                    return told
                if time.monotonic() > until:
                    break
                time.sleep(BEAT / 2)
            after = self._read("beat")
            for member in members:
                if member != self.mine and before.get(member, "") == after.get(member):
                    found = f"{self._named(member)} is gone"
                    self._tell_fault(run, found)  # before this process is gone, too
                    return found
        except jax.errors.JaxRuntimeError:  # the service is in the first of all processes
            return self._coordinator_lost
        return ""

    def _tell_fault(self, run: str | None, fault: str) -> None:
        self._tell("fault", json.dumps({"run": run, "fault": fault}))

    def _told_fault(self, members: Sequence[int], run: str | None) -> str:
        """What another process told of a fault in this work, or in any."""
        for member, text in self._read("fault").items():
            told = json.loads(text)
            if member in members and member != self.mine and told["run"] in (None, run):
                return str(told["fault"])
        return ""

    def _failed(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Python's hook for an exception that ends the program."""
        self._hook(kind, error, trace)
        if not isinstance(error, ProcessLostError):
            self.tell_failure(error, None)

    @property
    def _coordinator_lost(self) -> str:
        return f"{self._first}, which coordinates the others, is gone"

    def _last_words(self) -> str:
        """What to say where JAX ends this process; an empty string to leave it to JAX."""
        work = self.work
        if work is None or self._ends.is_set():
            return ""
        fault = self._fault_found or ("" if _coordinator_answers() else self._coordinator_lost)
        return _message(work.who, fault) if fault else ""

    def _named(self, member: int) -> str:
        who = self._read("who").get(member)
        return f"process {member}" + (f" ({who})" if who else "")

    def _tell(self, what: str, text: str) -> None:
        client().key_value_set(f"{_ROOT}/{what}/{self.mine}", text, allow_overwrite=True)

    def _read(self, what: str) -> dict[int, str]:
        pairs = client().key_value_dir_get(f"{_ROOT}/{what}/")
        return {int(key.rpartition("/")[2]): text for key, text in pairs}

    def _run(self) -> None:
        beats, fault, since = 0, "", 0.0
        while not self._ends.wait(BEAT):
            beats += 1
            work = self.work
            try:
                self._tell("beat", str(beats))
                if beats == 1:
                    self._first = self._named(0)
                found = "" if work is None else self._fault(work)
            except Exception:  # the service is gone, and with it what could be said
                found = self._coordinator_lost if work else ""
            since = since if found and found == fault else time.monotonic()
            fault = self._fault_found = found
            if fault and work is not None and time.monotonic() - since > GRACE:
                if work is self.work and not self._ends.is_set():
                    print(f"\n{_message(work.who, fault)}", file=sys.stderr, flush=True)
                    os._exit(1)

    def _fault(self, work: _Work) -> str:
        """What ends the work, in words; an empty string for nothing."""
        if told := self._told_fault(work.members, work.run):
            return told
        now = time.monotonic()
        for member, beat in self._read("beat").items():
            if self._seen.get(member, ("", 0.0))[0] != beat:
                self._seen[member] = beat, now
            elif member in work.members and now - self._seen[member][1] > self.timeout:
                return f"{self._named(member)} is gone"
        return ""


def _coordinator_answers() -> bool:
    """Whether process 0 still takes connections: asked of the network, since the client may be what
    ends this process.
    """
    from jax._src import distributed

    host, _, port = str(distributed.global_state.coordinator_address).rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()
    except (OSError, ValueError):
        return False
    return True


_watch: Watch | None = None
_lock = threading.Lock()


def watch() -> Watch:
    """The watch of this process, started when it is first needed."""
    global _watch
    with _lock:
        if _watch is None:
            _watch = Watch()
        return _watch


@contextlib.contextmanager
def watching(who: str, members: tuple[int, ...], run: str) -> Iterator[None]:
    """While it is entered, this process takes part in the work `run` of these processes.

    Raises:
      ProcessLostError: in the place of the device's error, where another process was lost.
    """
    this = watch()
    around, this.work = this.work, _Work(who, members, run)
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        lost = this.lost(members, run)
        if not lost:
            if around is None:
                this.tell_failure(error, run)
            raise
        raise ProcessLostError(_message(who, lost)) from error
    except ProcessLostError:
        raise
    except BaseException as error:
        if around is None:  # work within other work may fail, and the other go on
            this.tell_failure(error, run)
        raise
    finally:
        this.work = around


def waited_for(key: str, member: int) -> str:
    """A word that another process leaves under a key.

    Raises:
      ProcessLostError: it failed, or is gone.
    """
    this, since = watch(), time.monotonic()
    while True:
        try:
            return str(client().blocking_key_value_get(key, 2_000))
        except jax.errors.JaxRuntimeError as error:
            work = this.work
            who, run = ("jkeras", None) if work is None else (work.who, work.run)
            is_late = "DEADLINE_EXCEEDED" in str(error)
            if is_late and time.monotonic() - since < GRACE:
                continue
            lost = this.lost([member], run)
            if not lost and is_late:
                continue
            lost = lost or f"process {member} does not answer"
            raise ProcessLostError(_message(who, lost)) from error


def _message(who: str, lost: str) -> str:
    return (
        f"{who}: {lost}, and the processes can only go on together: this one ends, too. Files that "
        "were written are whole: start all processes again, and go on with the last checkpoint "
        "(BackupAndRestore, or fit(resume_from=...))."
    )
