"""The text of a progress line: pure functions from numbers to strings, in Keras 3's layout.

Laws:
  - The same numbers give the same line; no function reads the clock or the terminal.
  - `without_colors(line)` is the visible text, so its length is the width on the screen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_BLOCK = "━"
_BOLD, _GREEN, _WHITE, _RESET = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"
_COLOR = re.compile("\x1b\\[[0-9]+m")


def epoch_header(epoch: int, epochs: int) -> str:
    """The line above an epoch's bar; `epoch` counts from 1.

    Example:
      >>> epoch_header(1, 5)
      'Epoch 1/5'
    """
    return f"Epoch {epoch}/{epochs}"


def format_number(value: float, *, signed: bool = False) -> str:
    """Four decimals above 1e-3, scientific notation below.

    Args:
      value: the number to show.
      signed: compare the value instead of its size, so that every negative number is scientific.
        Keras does this in the lines of `verbose=2`.

    Example:
      >>> format_number(0.97021), format_number(1e-3), format_number(-0.5, signed=True)
      ('0.9702', '1.0000e-03', '-5.0000e-01')
    """
    size = value if signed else abs(value)
    return f"{value:.4f}" if size > 1e-3 else f"{value:.4e}"


def format_rate(seconds: float, unit_name: str = "step") -> str:
    """Time per unit in the largest of s, ms, us that keeps a digit before the point.

    Example:
      >>> format_rate(2.4), format_rate(0.0012), format_rate(3.1e-5, "sample")
      ('2s/step', '1ms/step', '31us/sample')
    """
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/{unit_name}"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms/{unit_name}"
    return f"{seconds * 1e6:.0f}us/{unit_name}"


def format_eta(seconds: float) -> str:
    """Remaining time: seconds up to a minute, then `m:ss`, then `h:mm:ss`.

    Example:
      >>> format_eta(59.9), format_eta(61), format_eta(3661)
      ('59s', '1:01', '1:01:01')
    """
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    if seconds > 3600:
        return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if seconds > 60 else f"{whole}s"


def without_colors(text: str) -> str:
    r"""The text as it appears: color codes removed.

    Example:
      >>> without_colors("\x1b[1m7/7\x1b[0m 2s")
      '7/7 2s'
    """
    return _COLOR.sub("", text)


def bar_line(
    current: int,
    target: int | None,
    values: Mapping[str, float],
    *,
    elapsed: float,
    seconds_per_unit: float,
    finalize: bool,
    width: int = 20,
    unit_name: str = "step",
) -> str:
    """One line with a bar, colored for a terminal.

    Args:
      current: steps done.
      target: steps in all; None or 0 when unknown.
      values: the values after the times, in order.
      elapsed: seconds since the start; shown when finished or when the target is unknown.
      seconds_per_unit: seconds a step takes; the remaining time is this times the steps left.
      finalize: whether this is the last line of the bar.
      width: length of the bar in characters.
      unit_name: the name of a unit of progress, singular.

    Example:
      >>> line = bar_line(1, 2, {"loss": 0.5}, elapsed=3.0, seconds_per_unit=3.0, finalize=False)
      >>> print(without_colors(line))
      1/2 ━━━━━━━━━━━━━━━━━━━━ 3s 3s/step - loss: 0.5000
    """
    if target and not finalize:
        duration = format_eta(seconds_per_unit * (target - current))
    else:
        duration = f"{elapsed:.0f}s"
    shown = "".join(f" - {name}: {format_number(value)}" for name, value in values.items())
    rate = format_rate(seconds_per_unit, unit_name)
    bar = f"{current:7d}/Unknown"
    if target:
        done = int(width * (current / target))
        filled = f"{_GREEN}{_BLOCK * done}{_RESET}" if done > 0 else ""
        rest = f"{_WHITE}{_BLOCK * (width - done)}{_RESET}"
        bar = f"{_BOLD}{current:{len(str(target))}d}/{target}{_RESET} {filled}{rest}"
    return f"{bar} {_BOLD}{duration}{_RESET} {rate}{shown}"


def short_line(
    current: int,
    target: int,
    values: Mapping[str, float],
    *,
    elapsed: float,
    seconds_per_unit: float,
    unit_name: str = "step",
) -> str:
    """The line of `verbose=2`: no bar, no colors; arguments as in `bar_line`.

    Example:
      >>> short_line(7, 7, {"loss": 0.5}, elapsed=2.0, seconds_per_unit=0.25)
      '7/7 - 2s - 250ms/step - loss: 0.5000'
    """
    rate = format_rate(seconds_per_unit, unit_name)
    shown = "".join(
        f" - {name}: {format_number(value, signed=True)}" for name, value in values.items()
    )
    return f"{current:{len(str(target))}d}/{target} - {elapsed:.0f}s - {rate}{shown}"
