"""What devices send each other in a program, read off what XLA compiled."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
"""XLA's names."""

_OPERATION = re.compile(rf"= (\(?[^=()]*\)?) ({'|'.join(KINDS)})(-start)?\(")
_ARRAY = re.compile(r"(\w+?)(\d+)\w*\[([\d,]*)\]")


class Collective(NamedTuple):
    """The operations of one kind.

    Attributes:
      times: how many there are; one within a loop counts once, as for one step.
      size_bytes: of their results on one device, in all.
    """

    times: int
    size_bytes: int


def collectives(text: str) -> dict[str, Collective]:
    """The collective operations of a compiled program, by kind.

    Args:
      text: the program as HLO, as `jax.jit(f).lower(...).compile().as_text()` gives it.

    Example:
      >>> collectives("  %sum = f32[16,4]{1,0} all-reduce(f32[16,4]{1,0} %part), to_apply=%add")
      {'all-reduce': Collective(times=1, size_bytes=256)}
    """
    found: dict[str, Collective] = {}
    for results, kind, _ in _OPERATION.findall(text):
        times, size = found.get(kind, (0, 0))
        found[kind] = Collective(times + 1, size + _bytes(results))
    return found


def _bytes(results: str) -> int:
    """Bytes of arrays such as `(f32[16,4]{1,0}, pred[8]{0})`."""
    total = 0
    for name, bits, shape in _ARRAY.findall(results.replace("pred[", "pred8[")):
        size = math.prod(int(n) for n in shape.split(",") if n)
        total += size * (int(bits) if name in ("f", "bf", "s", "u", "c", "pred") else 8) // 8
    return total
