"""How members run: side by side, one after the other, or whichever is faster here.

Side by side (`vmap`) every operation works on all members, which keeps an accelerator busy, and
saves a CPU the cost of many small operations; one after the other (`map`) what a member needs stays
in the cache. Which is faster depends on the model and the machine, so "auto" measures it, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, SupportsIndex

import jax
import numpy as np

from jkeras.core import trees
from jkeras.core.errors import WrongTypeError, describe, nearest, value_error
from jkeras.core.platform import platform
from jkeras.trainer.compiling.programs import Program
from jkeras.trainer.preflight.placement import SHARE, free_bytes

ENGINES = ("auto", "map", "vmap")
FEW = 4
"""Members side by side on a CPU: beyond it the weights of small networks leave its cache."""
STEPS = 8
"""Steps that are measured at most."""
PAYS = 4
"""A second program is compiled and measured where the run takes so many times as long as that."""
ALWAYS_FITS = 256 << 20
"""Bytes of members side by side for which nobody asks whether there is room."""


class Engine:
    """How the members of a population run.

    Args:
      who: for messages.
      name: "vmap", "map" or "auto".
      chunk: members side by side at most; None for as many as fit in memory.
      size: the number of members, on one device.

    Attributes:
      chunk: members side by side; None before it is known.
      seconds: for each number of members side by side that was measured, the seconds of a step of
        all members.
      planned: the steps of the run; None where they are not known.
      is_settled: whether `chunk` stays: not where a run was too short to pay for the measurement.

    Raises:
      TypeError, ValueError: an argument is none of these.
    """

    def __init__(self, who: str, name: object, chunk: object, size: int) -> None:
        if not isinstance(name, str):
            expected = f"`engine` to be one of {list(ENGINES)}"
            raise WrongTypeError(f"{who}: expected {expected}, got {describe(name)}.")
        if name not in ENGINES:
            raise ValueError(
                f"{who}: `engine`: expected one of {list(ENGINES)}, got {name!r}."
                f"{nearest(name, ENGINES)}"
            )
        if chunk is not None:
            if isinstance(chunk, bool) or not isinstance(chunk, SupportsIndex):
                raise WrongTypeError(
                    f"{who}: `chunk`: expected a number of members, got {describe(chunk)}."
                )
            if chunk.__index__() < 1:
                raise value_error(who=who, argument="chunk", expected="at least 1", got=chunk)
            if name == "map" and chunk.__index__() != 1:
                raise value_error(
                    who=who,
                    argument="chunk",
                    expected="None beside engine='map', which runs one member at a time",
                    got=chunk,
                )
        self.name, self.wanted, self.size = name, None if chunk is None else int(chunk), size
        self.seconds: dict[int, float] = {}
        self.planned: int | None = None
        self.is_settled = True
        self.chunk: int | None = 1 if name == "map" else None
        if name == "vmap" and chunk is not None:
            self.chunk = min(int(chunk), size)

    @property
    def key(self) -> tuple[Any, ...]:
        """What programs depend on."""
        return self.name, self.wanted, self.size

    @property
    def chunk_without_training(self) -> int:
        """Members side by side in evaluations and predictions."""
        if self.chunk is not None:
            return self.chunk
        few = FEW if platform() == "cpu" and self.name == "auto" else self.size
        return min(self.wanted or few, self.size)

    def choose(
        self, make_fn: Callable[[int], Program], size: int, most: int, args: tuple[Any, ...]
    ) -> int:
        """Sets `chunk` to the fastest number of members side by side.

        Args:
          make_fn: from that number to the program.
          size: examples in a batch.
          most: how many members fit in memory.
          args: of the program, of which only copies are donated.
        """
        most = min(most, self.size, self.wanted or self.size)
        few = min(FEW, most) if platform() == "cpu" and not self.wanted else most
        other = 1 if few > 1 else None
        if self.name == "vmap" or other is None:
            self.chunk = most
            return most
        compiling, self.seconds[few] = _seconds(make_fn(few), size, args)
        self.chunk, left = few, self.planned
        self.is_settled = left is None or left * self.seconds[few] >= PAYS * compiling
        if self.is_settled:
            _, self.seconds[other] = _seconds(make_fn(other), size, args)
            self.chunk = min(self.seconds, key=self.seconds.__getitem__)
        return self.chunk

    def begin(self, steps: int | None) -> None:
        """Before a run of so many steps; None where the number is unknown. What an earlier run was
        too short to measure is looked at again.
        """
        self.planned = steps
        if not self.is_settled:
            self.chunk, self.is_settled = None, True

    def __repr__(self) -> str:
        if self.chunk is None:
            return f"<engine {self.name!r}, not measured yet>"
        how = "one member at a time" if self.chunk == 1 else f"{self.chunk} members side by side"
        timed = ", ".join(f"{n}: {s * 1e3:.3g} ms" for n, s in self.seconds.items())
        short = "" if self.is_settled else ", too short a run to compare"
        return f"<engine {self.name!r}: {how}{f' ({timed} a step{short})' if timed else ''}>"


def _seconds(program: Program, size: int, args: tuple[Any, ...]) -> tuple[float, float]:
    """The seconds of compiling, and those of one step of all members."""
    train_state, key, data, order, first, _, length = args
    position = int(train_state.position)
    steps = max(min(order.shape[-1] // size + int(first) - position, STEPS), 1)
    stop = np.int32(position + steps)

    def run() -> float:
        carry = jax.block_until_ready(trees.copy(train_state))
        begin = time.perf_counter()
        jax.block_until_ready(program(carry, key, data, order, first, stop, length))
        return time.perf_counter() - begin

    first_run, later = run(), min(run(), run())
    return max(first_run - later, 0.0), later / steps


class MadeBySize(Protocol):
    """Programs of a population."""

    engine: Engine

    def train_loop_of(self, size: int, chunk: int) -> Program:
        """The program that trains `chunk` members at a time."""

    def bytes_of_member(self, size: int, args: tuple[Any, ...]) -> int:
        """The bytes that one more member side by side takes."""


class Measured(Program):
    """The program of training that an engine chooses when it is first called.

    Args:
      programs: of the population.
      size: examples in a batch.
    """

    def __init__(self, programs: MadeBySize, size: int) -> None:
        super().__init__("train", self._run)
        self._programs, self._size = programs, size

    def __call__(self, *args: Any) -> Any:
        return self._run(*args)

    def _run(self, *args: Any) -> Any:
        programs, size = self._programs, self._size
        chunk = programs.engine.chunk
        if chunk is None:
            most = members_that_fit(programs.bytes_of_member(size, args))
            chunk = programs.engine.choose(
                lambda count: programs.train_loop_of(size, count), size, most, args
            )
        return programs.train_loop_of(size, chunk)(*args)


def members_that_fit(bytes_of_one: int) -> int:
    """How many members fit in memory side by side."""
    room = ALWAYS_FITS
    if (free := free_bytes()) is not None:
        room = max(room, int(free * SHARE))
    return max(room // max(bytes_of_one, 1), 1)
