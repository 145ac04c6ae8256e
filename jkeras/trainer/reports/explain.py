"""What a trainer does and what it costs, in a few lines of plain text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable

import jax

from jkeras.core import trees
from jkeras.data.streams import Stream
from jkeras.display import memory_text
from jkeras.distribution import Distribution
from jkeras.distribution.steps import shardings
from jkeras.trainer.compiling.costs import peak_flops
from jkeras.trainer.compiling.pace import Pace
from jkeras.trainer.compiling.programs import Program, Programs
from jkeras.trainer.preflight.placement import Placed
from jkeras.training.state import TrainState


def explanation(
    who: str,
    values: TrainState | None,
    placed: Placed | None,
    programs: Iterable[Programs],
    platform: str | None,
    spread: Distribution | None = None,
) -> str:
    """The text of `Trainer.explain`, of the trainer's name and values, the data of the last call,
    the compiled programs of every plan, another platform to look at them for, and the devices that
    the next call runs on.
    """
    peak = f"{peak_flops() / 1e9:,.0f} GFLOP/s in a product of matrices"
    lines = [_model(who, values), f"device: {jax.devices()[0].device_kind}, {peak}"]
    lines.append("data: none yet; call fit or evaluate" if placed is None else _data(placed))
    programs = list(programs)
    spread = spread or next((each.distribution for each in programs if each.distribution), None)
    lines += [] if spread is None or values is None else _devices(spread, values)
    for each in programs:
        for (phase, size), program in each.made.items():
            if program.traces:
                lines += _program(program, each.pace(phase, size))
                cut = each.slices(size) if phase == "train" else None
                lines += [f"  each batch in slices of {cut}, which fit in the cache"] if cut else []
                lines += _lowered(program, platform) if platform else []
                lines += [] if each.distribution is None else _sent(program)
    return "\n".join(lines)


def _model(who: str, values: TrainState | None) -> str:
    if values is None:
        return f"{who}: not built yet"
    carried = trees.size_bytes((values.state, values.opt_state))
    count, size = trees.count(values.params), memory_text(trees.size_bytes(values.params))
    return f"{who}: {count:,} parameters, {size}; {memory_text(carried)} carried beside them"


def _data(placed: Placed) -> str:
    where = f"data: {placed.engine} ({placed.why})"
    data = placed.data
    if isinstance(data, Stream):
        return where
    arrays = ", ".join(
        f"{name} {leaf.dtype.name}{[data.length, *leaf.shape[1:]]}"
        for name, leaf in trees.named_leaves(data.batch._asdict()).items()
    )
    size = memory_text(trees.size_bytes(data.batch))
    there = f"{size} on the device" if placed.engine == "resident" else f"{size} on the host"
    return f"{where}; {there}: {arrays}"


def _devices(distribution: Distribution, values: TrainState) -> list[str]:
    """The mesh, the bytes of each device, and the weights that are cut."""
    mesh = distribution.device_mesh
    sizes = zip(mesh.axis_names, mesh.shape, strict=True)
    axes = " × ".join(f"{name} {size}" for name, size in sizes)
    places = shardings(distribution, values)
    per_device = sum(
        math.prod(place.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        for leaf, place in zip(
            jax.tree.leaves((values.params, values.state, values.opt_state)),
            jax.tree.leaves((places.params, places.state, places.opt_state)),
            strict=True,
        )
    )
    lines = [
        f"{type(distribution).__name__} over {mesh.devices.size} devices ({axes}): "
        f"{memory_text(per_device)} of weights and optimizer on each"
    ]
    for name, leaf in trees.named_leaves(values.params).items():
        layout = distribution.layout_of(name, leaf.shape)
        if any(layout.axes):
            lines.append(f"  {name} {list(leaf.shape)}: {layout.axes}")
    return lines


def _sent(program: Program) -> list[str]:
    """What the devices send each other in a step."""
    found = program.collectives()
    facts = [
        f"{kind} {each.times:,} times, {memory_text(each.size_bytes)}"
        for kind, each in found.items()
    ]
    return [f"  sent in a step: {', '.join(facts) or 'nothing'}"]


def _program(program: Program, pace: Pace) -> list[str]:
    times = "once" if program.traces == 1 else f"{program.traces} times"
    first = f"{program.name}: traced {times}, {program.seconds:.2f} s to trace and compile"
    work, seconds = program.flops(), pace.seconds_per_step
    facts = [] if work is None else [f"{work / 1e6:,.3g} MFLOP a step"]
    if seconds is not None:
        facts += [f"{1000 * seconds:.3g} ms a step", f"{pace.steps:,} steps a dispatch"]
    if work and seconds:
        rate = work / seconds
        facts.append(f"{rate / 1e9:,.3g} GFLOP/s, {rate / peak_flops():.0%} of the device")
    return [first, "  " + "; ".join(facts)] if facts else [first]


def _lowered(program: Program, platform: str) -> list[str]:
    """Of what operations the program consists on another platform."""
    text = program.lowered(platform)
    if text is None:
        return []
    counts = Counter(re.findall(r"stablehlo\.\w+", text))
    facts = [f"{words}: {counts[name]:,}" for name, words in _KINDS.items() if counts[name]]
    donated = len(re.findall(r"tf\.aliasing_output|jax\.buffer_donor", text))
    facts += [f"arrays updated in place: {donated:,}"] if donated else []
    return [f"  on {platform}, {counts.total():,} operations: " + ", ".join(facts)]


_KINDS = {
    "stablehlo.convolution": "convolution",
    "stablehlo.dot_general": "product of matrices",
    "stablehlo.reduce_window": "pooling",
    "stablehlo.sort": "sort",
    "stablehlo.while": "loop",
}
"""The operations that decide the time, in words."""
