"""Writes the tables of scale.md: what devices send each other, and what it costs on accelerators.

    PYTHONPATH=. python docs/make_scale.py

Nothing is trained: the steps are compiled for shapes, on eight virtual devices of the CPU.
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "8")  # before JAX is imported

import jax
import numpy as np

import jkeras
from jkeras import layers
from jkeras.core.platform import programs_for
from jkeras.core.trees import named_leaves
from jkeras.distribution import (
    DataParallel,
    DeviceMesh,
    Distribution,
    FullyShardedDataParallel,
    LayoutMap,
    ModelParallel,
    train_step_over,
)
from jkeras.distribution.collectives import collectives
from jkeras.distribution.steps import by_rows, shardings
from jkeras.trainer.compiling.costs import flops
from jkeras.trainer.loop.parts import parts_of
from jkeras.training import make_init, make_train_step

HERE = Path(__file__).parent
PAGE = HERE / "scale.md"
MODELS = HERE.parent / "experiments" / "models"
KINDS = ("all-reduce", "all-gather", "reduce-scatter")
MEGABYTE = 1e6


class Accelerator(NamedTuple):
    """What a vendor publishes of a device.

    Attributes:
      name: of the device.
      peak: operations in bfloat16 per second, without sparsity.
      inner: bytes per second that a device sends to those of its group.
      group: devices in a group.
      outer: bytes per second that a device sends to other groups.
    """

    name: str
    peak: float
    inner: float
    group: int
    outer: float


ACCELERATORS = (
    Accelerator("TPU v5e", 197e12, 400e9 / 2, 256, 0.0),
    Accelerator("TPU v5p", 459e12, 1200e9 / 2, 8960, 0.0),
    Accelerator("H100", 1979e12 / 2, 900e9 / 2, 8, 400e9 / 8),
)
REACHED = 0.4
"""The share of the peak that a step reaches on one device."""
SIZES = (8, 256)


class Case(NamedTuple):
    """A model, a strategy and a batch.

    Attributes:
      net: the description.
      distribution: the strategy.
      x, y: the specs of a batch.
      once: an expression for weights that the backward pass does not read, so that they are
        gathered once: those of a first layer, tables of embeddings, and what is added.
      twice: an expression for weights that two layers use, whose two gradients XLA's CPU compiler
        sums over the devices before it adds them.
    """

    net: Any
    distribution: Distribution
    x: jax.ShapeDtypeStruct
    y: jax.ShapeDtypeStruct
    once: str
    twice: str = ""


LOSS = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
OPTIONS: dict[str, Any] = {"loss": LOSS, "optimizer": "adam"}


def spec(*shape: int, dtype: str = "float32") -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def compiled(case: Case) -> str:
    """A step of training as XLA compiled it."""
    devices = case.distribution
    state = jax.eval_shape(make_init(case.net, **OPTIONS), jax.random.key(0), case.x)
    batch = by_rows(devices)

    def laid(leaf: Any, place: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place)

    state = jax.tree.map(laid, state, shardings(devices, state))
    step = train_step_over(devices, make_train_step(case.net, **OPTIONS))
    lowered = jax.jit(step, donate_argnums=0).lower(
        state, (laid(case.x, batch), laid(case.y, batch))
    )
    return lowered.compile().as_text() or ""


def sent(case: Case) -> dict[str, int]:
    """Bytes of the collectives of a step of training, by kind: of whole arrays, those before a
    reduce-scatter and after an all-gather.
    """
    found = collectives(compiled(case))
    parts = case.distribution.device_mesh.devices.size
    factors = {"reduce-scatter": parts}
    return {kind: each.size_bytes * factors.get(kind, 1) for kind, each in found.items()}


def weights(case: Case) -> dict[str, np.ndarray]:
    """The specs of the weights, by path."""
    state = jax.eval_shape(make_init(case.net, **OPTIONS), jax.random.key(0), case.x)
    return named_leaves(state.params)


def arithmetic(case: Case) -> dict[str, int]:
    """What a step has to send: gradients of whole weights are summed once; weights in parts are
    gathered once or twice, and their gradients summed into parts.
    """
    sums = parts = gathered = 0
    for path, leaf in weights(case).items():
        size = math.prod(leaf.shape) * leaf.dtype.itemsize
        sums += size if re.fullmatch(case.twice, path) else 0
        if not any(case.distribution.layout_of(path, leaf.shape).axes):
            sums += size
            continue
        is_read_again = case.distribution.gathers_again and not re.fullmatch(case.once, path)
        parts, gathered = parts + size, gathered + (2 if is_read_again else 1) * size
    return {"all-reduce": sums, "all-gather": gathered, "reduce-scatter": parts}


def seconds(size_bytes: Mapping[str, float], devices: int, where: Accelerator) -> float:
    """The time that collectives take, by their bytes: in rings, first within the groups, and then
    what is left of each device's part between them.
    """
    near = min(devices, where.group)
    far = devices // near
    total = 0.0
    for kind, size in size_bytes.items():
        rounds = 2 if kind == "all-reduce" else 1
        total += rounds * (near - 1) / near * size / where.inner
        if far > 1:
            total += rounds * (far - 1) / far * (size / near) / where.outer
    return total


# -- the models


def dense(distribution: Distribution) -> Case:
    net = jkeras.models.Chain([layers.Dense(1024, activation="relu"), layers.Dense(512)])
    x, y = spec(256, 784), spec(256, dtype="int32")
    return Case(net, distribution, x, y, once="dense/kernel|.*bias")


def convolutional(distribution: Distribution) -> Case:
    parts = [layers.Conv2D(32, 3, activation="relu"), layers.Conv2D(64, 3, activation="relu")]
    net = jkeras.models.Chain([*parts, layers.Flatten(), layers.Dense(128)])
    x, y = spec(64, 12, 12, 3), spec(64, dtype="int32")
    return Case(net, distribution, x, y, once="conv2d/kernel|.*bias")


def transformer(distribution: Distribution) -> Case:
    gpt = module("gpt").build(64, 32, 64, 2, 4, 0.0)
    tokens = spec(16, 32, dtype="int32")
    once = "place_table/.*|.*bias"
    return Case(parts_of(gpt).state.net, distribution, tokens, tokens, once, "token_table/.*")


def tensor_parallel() -> ModelParallel:
    """Two parts of a batch, four of each block: heads, and the inner width."""
    layouts = LayoutMap(DeviceMesh((2, 4), ["batch", "model"]))
    layouts[".*/(query|key|value)/kernel"] = (None, "model", None)
    layouts[".*/attention_output/kernel"] = ("model", None, None)
    layouts["dense(_2)?/kernel"] = (None, "model")
    layouts["dense(_1|_3)/kernel"] = ("model", None)
    return ModelParallel(layout_map=layouts)


SMALL: dict[str, Callable[[Distribution], Case]] = {
    "dense": dense,
    "convolutional": convolutional,
    "transformer": transformer,
}
STRATEGIES: dict[str, Callable[[], Distribution]] = {
    "data": DataParallel,
    "fsdp": FullyShardedDataParallel,
    "fsdp, kept": lambda: FullyShardedDataParallel(reshard_after_forward=False),
}


def large(name: str, distribution: Distribution) -> Case:
    """ResNet-50 and the smallest GPT-2, with the batch of one device."""
    if name == "ResNet-50":
        model = module("resnet50").build()
        x, y, once = spec(64, 224, 224, 3), spec(64, dtype="int32"), "conv2d/kernel|.*(bias|beta)"
    else:
        model = module("gpt").build(dropout=0.0)
        x = y = spec(8, 1024, dtype="int32")
        once = "place_table/.*|.*bias"
    return Case(parts_of(model).state.net, distribution, x, y, once)


LARGE = {"ResNet-50": "64 images", "GPT-2": "8 texts of 1,024 tokens"}


def module(name: str) -> Any:
    """A script of experiments/models."""
    found = importlib.util.spec_from_file_location(name, MODELS / f"{name}.py")
    assert found is not None and found.loader is not None
    made = importlib.util.module_from_spec(found)
    found.loader.exec_module(made)
    return made


def work(case: Case) -> float:
    """Floating-point operations of a step on one device."""
    init, step = make_init(case.net, **OPTIONS), make_train_step(case.net, **OPTIONS)
    state = jax.eval_shape(init, jax.random.key(0), case.x)
    with programs_for("tpu"):
        return flops(step, state, (case.x, case.y))


# -- the page


def table_of_bytes() -> list[str]:
    """A row for each model and strategy: megabytes that were found, and by arithmetic."""
    rows = []
    cases = {
        (m, s): (make, strategy) for m, make in SMALL.items() for s, strategy in STRATEGIES.items()
    }
    cases["transformer", "tensor parallel"] = transformer, tensor_parallel
    for (name, strategy), (make, devices) in cases.items():
        case = make(devices())
        found = sent(case)
        cells = [f"{found.get(kind, 0) / MEGABYTE:.3f}" for kind in KINDS]
        rest = sum(size for kind, size in found.items() if kind not in KINDS)
        cells.append(f"{rest / MEGABYTE:.3f}")
        if strategy == "tensor parallel":
            known = "activations, twice a block and direction"
        else:
            known = ", ".join(f"{k} {v / MEGABYTE:.3f}" for k, v in arithmetic(case).items() if v)
        rows.append(f"| {name} | {strategy} | {' | '.join(cells)} | {known} |")
        print(rows[-1], flush=True)
    return rows


def table_of_times() -> list[str]:
    """A row for each model, accelerator and strategy: milliseconds of a step, predicted."""
    rows = []
    for name, batch in LARGE.items():
        operations = work(large(name, DataParallel()))
        for strategy in ("data", "fsdp"):
            size = arithmetic(large(name, STRATEGIES[strategy]()))
            total = sum(v for k, v in size.items())
            for where in ACCELERATORS:
                alone = operations / (where.peak * REACHED)
                cells = [
                    f"{operations / 1e12:.2f}",
                    f"{total / MEGABYTE:,.0f}",
                    f"{alone * 1e3:.1f}",
                ]
                for devices in SIZES:
                    network = seconds(size, devices, where)
                    cells.append(f"{network * 1e3:.1f}")
                    cells.append(
                        f"{max(alone, network) * 1e3:.1f} to {(alone + network) * 1e3:.1f}"
                    )
                rows.append(
                    f"| {name}, {batch} | {strategy} | {where.name} | {' | '.join(cells)} |"
                )
                print(rows[-1], flush=True)
    return rows


HEADS = ("| model | strategy | all-reduce |", "| model, batch of a device |")
"""How the first lines of the tables begin."""
Rows = list[str]


def known() -> list[Rows]:
    """The rows of the page's tables as they are."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [lines[slice(*_place(lines, head))] for head in HEADS]


def page(tables: Iterable[Rows]) -> str:
    """The text of scale.md with these rows in its tables."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for head, rows in zip(HEADS, tables, strict=True):
        lines[slice(*_place(lines, head))] = rows
    return "\n".join(lines) + "\n"


def _place(lines: Rows, head: str) -> tuple[int, int]:
    """Where the rows of a table begin and end."""
    start = next(n for n, line in enumerate(lines) if line.startswith(head)) + 2
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines[start:])
    return start, start + len(list(rows))


def main() -> None:
    """Writes the tables of scale.md."""
    PAGE.write_text(page([table_of_bytes(), table_of_times()]), encoding="utf-8")
    print("wrote scale.md")


if __name__ == "__main__":
    main()
