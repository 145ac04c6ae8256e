"""What devices send each other in a step is what the strategy has to send, to the byte."""

from __future__ import annotations

import re

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.distribution import DataParallel, FullyShardedDataParallel
from tests.docs.pages import ROOT
from tests.modules import module_at

SCALE = module_at(ROOT / "docs" / "make_scale.py")


@pytest.mark.parametrize("model", SCALE.SMALL)
@pytest.mark.parametrize("strategy", SCALE.STRATEGIES)
def test_bytes_are_those_of_the_arithmetic(model: str, strategy: str) -> None:
    case = SCALE.SMALL[model](SCALE.STRATEGIES[strategy]())
    expected, found = SCALE.arithmetic(case), SCALE.sent(case)
    assert found.get("all-gather", 0) == expected["all-gather"]
    summed = [
        sizes.get("all-reduce", 0) + sizes.get("reduce-scatter", 0) for sizes in (found, expected)
    ]
    assert 0 <= summed[0] - summed[1] <= 64  # the loss, too
    assert set(found) <= set(expected)


def test_the_optimizer_reads_gradients_along_their_rows() -> None:
    """The sum over devices gives the gradient of a kernel transposed; it is turned once, and not
    read across its rows by each operation that updates a slot.
    """
    text = SCALE.compiled(SCALE.dense(DataParallel()))
    assert len(re.findall(r"= f32\[784,1024\]\S* transpose\(", text)) == 1


def test_activations_stay_where_the_batch_is_cut() -> None:
    """The weights are gathered, so that no activation is cut as they are, and laid anew."""
    parts = [layers.Conv2D(64, 3), layers.GroupNormalization(8), layers.Conv2D(64, 3)]
    net = jkeras.models.Chain([*parts, layers.Flatten(), layers.Dense(32)])
    x, y = SCALE.spec(16, 8, 8, 3), SCALE.spec(16, dtype="int32")
    case = SCALE.Case(net, FullyShardedDataParallel(), x, y, once=".*bias|conv2d/kernel")
    found = SCALE.sent(case)
    assert set(found) <= {"all-reduce", "all-gather", "reduce-scatter"}
    assert found["all-gather"] == SCALE.arithmetic(case)["all-gather"]


def test_gradients_of_weights_in_parts_stay_in_parts() -> None:
    """Activations are summed over heads and the inner width; no gradient is gathered."""
    case = SCALE.transformer(SCALE.tensor_parallel())
    rules = case.distribution
    in_parts = sum(
        4 * int(np.prod(leaf.shape))
        for path, leaf in SCALE.weights(case).items()
        if any(rules.layout_of(path, leaf.shape).axes)
    )
    found = SCALE.sent(case)
    assert in_parts > 300_000 and found["all-gather"] < in_parts / 20
    (row,) = (row for row in SCALE.known()[0] if "tensor parallel" in row)
    megabytes = [f"{found[kind] / SCALE.MEGABYTE:.3f}" for kind in ("all-reduce", "all-gather")]
    assert [cell.strip() for cell in row.split("|")[3:5]] == megabytes
