"""The softmax in a traced program: JAX writes it as nine equations, ONNX has one node."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

_NAMES = ["reduce_max", "max", "broadcast_in_dim", "stop_gradient", "sub", "exp", "reduce_sum",
          "broadcast_in_dim", "div"]  # fmt: skip


def softmax_at(eqns: Sequence[Any], start: int) -> tuple[int, int]:
    """How many equations from `start` on are a softmax, and along which axis; zero where none is.

    Args:
      eqns: the equations of a program.
      start: the position of the first.
    """
    if eqns[start].primitive.name != _NAMES[0]:
        return 0, 0
    part = list(eqns[start : start + len(_NAMES)])
    names = [eqn.primitive.name for eqn in part]
    if names == _NAMES:
        highest, _, _, _, shifted, exponent, total, spread, result = part
    elif names[:8] == [name for name in _NAMES if name != "max"]:
        part = part[:8]
        highest, _, _, shifted, exponent, total, spread, result = part
    else:
        return 0, 0
    follows = all(
        later.invars[-1] is before.outvars[0] for before, later in itertools.pairwise(part[:5])
    )
    x, e = highest.invars[0], exponent.outvars[0]
    fits = (
        follows
        and len(highest.params["axes"]) == 1
        and highest.params["axes"] == total.params["axes"]
        and shifted.invars[0] is x
        and exponent.invars[0] is shifted.outvars[0]
        and total.invars[0] is e
        and spread.invars[0] is total.outvars[0]
        and result.invars[0] is e
        and result.invars[1] is spread.outvars[0]
    )
    inner = {id(eqn.outvars[0]) for eqn in part[:-1]}
    used_later = any(id(v) in inner for eqn in eqns[start + len(part) :] for v in eqn.invars)
    return (len(part), highest.params["axes"][0]) if fits and not used_later else (0, 0)
