"""Programs for devices that are not here: lowered for CUDA and TPU on any machine."""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.core.platform import platform, programs_for
from jkeras.ops.convolution import convolve
from jkeras.trainer.loop.parts import parts_of

X = np.random.default_rng(0).random((64, 12, 12, 3), np.float32)
Y = np.arange(64) % 4


def fitted(*extra):
    model = jkeras.Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            *extra,
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ],
        seed=0,
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=64, verbose=0)
    return model


def training_program(model):
    made = [pair for plan in parts_of(model).plans.all() for pair in plan.programs.made.items()]
    return next(program for (phase, _), program in made if phase == "train")


def count(text, name):
    return len(re.findall(rf"stablehlo\.{name}\b", text))


@pytest.mark.parametrize("name", ["cuda", "rocm", "tpu"])
def test_training_for_a_device_uses_its_own_convolution_and_pooling(name):
    program = training_program(fitted(layers.Dropout(0.2)))
    text = program.lowered(name)
    assert count(text, "convolution") == 5  # forward twice, kernels twice, inputs once
    assert count(text, "dot_general") == 3  # of the last layer
    assert count(text, "concatenate") < 9  # no patches
    assert count(text, "reduce_window") == 1
    leaves = len(jax.tree.leaves(program.specs[0]))
    donated = len(re.findall(r"tf\.aliasing_output|jax\.buffer_donor", text))
    assert donated >= leaves - 4  # the key and the counters may be passed through


def test_slices_of_a_batch_are_for_the_cache_of_a_cpu(monkeypatch):
    monkeypatch.setattr("jkeras.training.slices.CACHE_BYTES", 100_000)
    program = training_program(fitted())
    here, there = program.lowered("cpu"), program.lowered("cuda")
    assert count(here, "convolution") == count(here, "reduce_window") == 0
    # The order of batches is a loop on both, and slices are one more.
    assert count(here, "while") == count(there, "while") + 1


def test_looking_at_another_platform_changes_nothing_here():
    model = fitted()
    before = model.predict(X, verbose=0)
    program = training_program(model)
    traces = program.traces
    program.lowered("cuda")
    assert program.traces == traces
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)
    assert platform() == jax.default_backend()


def test_what_was_traced_for_one_platform_is_not_taken_for_another():
    inner = jax.jit(lambda x, k: convolve(x, k, strides=(1,), dilation=(1,)).sum())
    specs = jnp.ones((2, 9, 4)), jnp.ones((3, 4, 5))

    def lowered(name):
        traced = jax.jit(jax.grad(lambda x, k: inner(x, k) * 2)).trace(*specs)
        return traced.lower(lowering_platforms=(name,)).as_text()

    assert count(lowered("cpu"), "convolution") == 0
    with programs_for("cuda"):
        assert count(lowered("cuda"), "convolution") >= 1
    assert count(lowered("cpu"), "convolution") == 0


def test_layers_and_training_ask_in_one_place():
    folder = pathlib.Path(jkeras.__file__).parent
    asking = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if "default_backend(" in path.read_text(encoding="utf-8")
    }
    here = {  # what runs in this process, and where its data lie
        "core/jit_once.py",
        "core/jit_step.py",
        "export/stablehlo.py",
        "trainer/loop/dispatch.py",
        "trainer/preflight/placement.py",
    }
    assert asking == {"core/platform.py", *here}


def test_explain_tells_the_operations():
    lines = []
    fitted().explain(lines.append, platform="cuda")
    (line,) = [line for line in lines[0].splitlines() if line.startswith("  on cuda")]
    assert re.fullmatch(
        r"  on cuda, [\d,]+ operations: convolution: 5, product of matrices: 3, pooling: 1, "
        r"loop: \d, arrays updated in place: \d+",
        line,
    )


def test_an_unknown_platform_is_named():
    with pytest.raises(ValueError) as caught:
        fitted().explain(platform="gpu")
    assert str(caught.value) == (
        "Sequential 'sequential': explain: `platform`: expected 'cpu' or 'cuda' or 'rocm' or "
        "'tpu', got 'gpu'."
    )
