"""Several processes that compute together, each a copy of one Python program.

All of them have to start the same compiled programs in the same order. What a clock, a signal or a
file may answer differently is therefore decided by the first process, and told to the others
(`Team.led`); what has to be equal is compared before any work (`Team.agree`). The messages go
through the coordination service of `jax.distributed`, beside the devices.

Laws:
  - A process alone decides at once: nothing is sent, and nothing here starts a device.
  - While `Team.running` is entered, the processes other than the first print nothing
    (`print_text`) and write no files (`follows`).
  - A process that fails, or is not heard of any more, ends the others with an error that names it
    (`jkeras.core.process_watch`).
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from jkeras.core import process_watch
from jkeras.core.errors import value_error
from jkeras.core.process_watch import client, number_of_this_process

T = TypeVar("T")

KEPT = 256
"""Messages of the first process after which it waits for the others, and removes the old ones."""


class Team:
    """The processes that run one program together; one for each set of them, by `team_of`.

    Args:
      members: their numbers, in order; at most one for a process alone.

    Attributes:
      several: whether there is more than one.
    """

    def __init__(self, members: Sequence[int]) -> None:
        self.members = tuple(members)
        self.several = len(self.members) > 1
        self._root = f"jkeras/{zlib.crc32(repr(self.members).encode()):08x}"
        self._decisions, self._comparisons = itertools.count(), itertools.count()
        self._runs, self._depth = 0, 0

    @property
    def is_first(self) -> bool:
        """Whether this process decides, prints and writes."""
        return not self.several or number_of_this_process() == self.members[0]

    def led(self, value: T) -> T:
        """The value that the first process gave: a number, a word, or a list or dict of them. All
        processes call it.
        """
        if not self.several:
            return value
        number = next(self._decisions)
        place = f"led/{self._runs}"
        if self.is_first:
            self._set(f"{place}/{number}", value)
        else:
            value = self._get(f"{place}/{number}", self.members[0])
        if number % KEPT == KEPT - 1:
            self._forget(place, range(number + 1 - KEPT, number + 1))
        return value

    def heard(self, flag: bool) -> bool:
        """Whether the flag is set in any process, as far as the first one has heard; all processes
        call it, and get the same answer.
        """
        if not self.several:
            return flag
        place = f"flags/{self._runs}"
        if flag and not self.is_first:
            self._set(f"{place}/{number_of_this_process()}", True)
        elif self.is_first:
            flag = flag or bool(client().key_value_dir_get(f"{self._root}/{place}/"))
        return bool(self.led(flag))

    def agree(self, who: str, facts: Mapping[str, Any], fixes: Mapping[str, str]) -> None:
        """Compares what has to be equal in all processes; all of them call it, and wait.

        Args:
          who: the method, for messages.
          facts: what has to be equal, by names such as "`batch_size`".
          fixes: what to do where a fact differs, by its name.

        Raises:
          ValueError: a fact differs; every process gets the same message.
        """
        if not self.several:
            return
        first, *others = self.collected(dict(facts))
        for process, theirs in zip(self.members[1:], others, strict=True):
            for name in [*first, *theirs]:
                mine, other = first.get(name, "none"), theirs.get(name, "none")
                if mine != other:
                    raise value_error(
                        who=who,
                        expected=f"the same {name} on all processes",
                        got=f"{mine} on process {self.members[0]} and {other} on process {process}",
                        fix=fixes.get(name, ""),
                    )

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """A context in which only the first process prints and writes."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    @contextlib.contextmanager
    def running(self, who: str) -> Iterator[None]:
        """A context for work of several processes, named `who` in messages: only the first one
        prints and writes, and the end of one is the end of all.
        """
        if not self._depth:  # an error may have left the counts of decisions different
            self._runs, self._decisions = self._runs + 1, itertools.count()
        self._depth += 1
        run = f"{self._root}/{self._runs}"
        try:
            with self.quiet(), process_watch.watching(who, self.members, run):
                yield
        finally:
            self._depth -= 1

    def collected(self, value: object) -> list[Any]:
        """The value of each process, in order; all processes call it, and wait."""
        if not self.several:
            return [value]
        number, mine = next(self._comparisons), number_of_this_process()
        place = f"compared/{number}"
        self._set(f"{place}/{mine}", value)
        if self.is_first:
            found = [self._get(f"{place}/{member}", member) for member in self.members]
            self._set(f"{place}/all", found)
            if number:  # which all have read, or they would not be here
                client().key_value_delete(f"{self._root}/compared/{number - 1}/all")
        else:
            found = self._get(f"{place}/all", self.members[0])
        client().key_value_delete(f"{self._root}/{place}/{mine}")
        return list(found)

    def _forget(self, place: str, numbers: range) -> None:
        """Removes old messages, once all processes have read them."""
        name = f"{self._root}/{place}/read/{numbers.stop}"
        client().wait_at_barrier(name, 600_000, process_ids=list(self.members))
        if self.is_first:
            for number in numbers:
                client().key_value_delete(f"{self._root}/{place}/{number}")

    def _set(self, key: str, value: object) -> None:
        client().key_value_set(f"{self._root}/{key}", json.dumps(value), allow_overwrite=True)

    def _get(self, key: str, member: int) -> Any:
        return json.loads(process_watch.waited_for(f"{self._root}/{key}", member))


ALONE = Team(())

_current: ContextVar[Team] = ContextVar("current", default=ALONE)


@functools.cache
def team_of(members: tuple[int, ...]) -> Team:
    """The team of these processes; that of one alone where it is this one."""
    return Team(members) if len(members) > 1 else ALONE


def current() -> Team:
    """The team in whose work this process is; that of one alone outside of any."""
    return _current.get()


def follows() -> bool:
    """Whether this process takes part in work that another one leads: it prints nothing, and writes
    no files.
    """
    return not _current.get().is_first


def print_text(text: str, **kwargs: Any) -> None:
    """`print`, in a process that does not follow another one."""
    if _current.get().is_first:
        print(text, **kwargs)
