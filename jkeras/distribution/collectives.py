"""What devices send each other in a program, read off what XLA compiled."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
"""XLA's names."""

_OPERATION = re.compile(rf"= (\(?[^=()]*\)?) ({'|'.join(KINDS)})(-start)?\(")
_NOT_READ = re.compile(r"/\*.*?\*/|\{[\d,]*(:[^{}]*)?\}")
"""Comments, and the order of an array's dimensions in memory."""
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
      >>> collectives("  %sum = (f32[16]{0}, /*index=1*/f32[16]{0}) all-reduce(%a, %b)")
      {'all-reduce': Collective(times=1, size_bytes=128)}
      >>> collectives("  %all = (f32[2]{0:T(8)}, f32[16]{0:T(8)}) all-gather-start(%part)")
      {'all-gather': Collective(times=1, size_bytes=64)}
    """
    found: dict[str, Collective] = {}
    for results, kind, start in _OPERATION.findall(_NOT_READ.sub("", text)):
        times, size = found.get(kind, (0, 0))
        arrays = _ARRAY.findall(results.replace("pred[", "pred8["))
        if start and kind == "all-gather":  # the parts, then what they become
            arrays = arrays[len(arrays) // 2 :]
        elif start and kind == "collective-permute":  # what is sent, what comes, and two counters
            arrays = arrays[1:2]
        found[kind] = Collective(times + 1, size + _bytes(arrays))
    return found


def _bytes(arrays: list[tuple[str, str, str]]) -> int:
    """Bytes of arrays by the name of their kind of number, its bits, and their shape."""
    total = 0
    for name, bits, shape in arrays:
        size = math.prod(int(n) for n in shape.split(",") if n)
        total += size * (int(bits) if name in ("f", "bf", "s", "u", "c", "pred") else 8) // 8
    return total
