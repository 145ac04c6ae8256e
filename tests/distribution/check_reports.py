"""What is told of devices, and what files say of them, on eight devices."""

from __future__ import annotations

from pathlib import Path

import pytest

import jkeras
from jkeras import distribution as spread
from tests.distribution.check_use import compiled, data


def test_explain_tells_mesh_layouts_and_what_is_sent() -> None:
    model = compiled("fsdp", units=1024)
    model.fit(*data(), verbose=0)
    lines: list[str] = []
    model.explain(lines.append)
    text = "\n".join(lines)
    assert "FullyShardedDataParallel over 8 devices (batch 8): " in text
    assert "  dense/kernel [8, 1024]: (None, 'batch')" in text
    assert "all-gather" in text


def test_explain_tells_layouts_before_the_first_step() -> None:
    lines: list[str] = []
    compiled("fsdp", units=1024).explain(lines.append)
    text = "\n".join(lines)
    assert "not built" not in text and "FullyShardedDataParallel over 8 devices (batch 8): " in text
    assert "  dense/kernel [8, 1024]: (None, 'batch')" in text


def test_a_file_says_nothing_of_devices(tmp_path: Path) -> None:
    """A loaded model runs on one, and under a scope on several, with the optimizer it had."""
    x, y = data()
    model = compiled("fsdp", units=1024)
    model.fit(x, y, batch_size=16, verbose=0)
    model.save(tmp_path / "model.keras")
    read = jkeras.saving.load_model(tmp_path / "model.keras")
    loss = read.evaluate(x, y, verbose=0)
    assert len(read.layers[0].kernel.value.sharding.device_set) == 1
    with spread.FullyShardedDataParallel().scope():
        assert read.evaluate(x, y, verbose=0) == pytest.approx(loss, rel=1e-5)
        assert tuple(read.layers[0].kernel.value.sharding.spec) == (None, "batch")
        assert int(read.optimizer.iterations) == int(model.optimizer.iterations)
