"""With equal weights and batches, 200 steps follow Keras's losses.

`tests/golden/training.npz` holds them for three networks and five optimizers.
"""

import numpy as np
import pytest

import jkeras
from tests.golden.training_models import NETS, OPTIMIZERS, curve
from tests.trainer.conftest import GOLDEN, HINT

CURVES = np.load(GOLDEN / "training.npz")

TOLERANCE = 1e-4  # relative; on the machine that wrote them the worst of 3000 is 2e-5, most are 0


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("net", NETS)
def test_the_losses_of_200_batches_are_those_of_keras(net: str, optimizer: str) -> None:
    expected = CURVES[f"{net}/{optimizer}"]
    got = curve(jkeras, net, optimizer)
    error = np.abs(got / expected - 1)
    assert got.shape == (200,)
    assert error.max() <= TOLERANCE, f"batch {error.argmax()}: {error.max()}; {HINT}"


@pytest.mark.parametrize("net", NETS)
def test_training_changes_the_loss_of_keras_too(net: str) -> None:
    """The curves would agree if nothing trained: they fall by a quarter at least."""
    for optimizer in OPTIMIZERS:
        losses = CURVES[f"{net}/{optimizer}"]
        assert losses.min() < 0.75 * losses[:40].mean(), (net, optimizer)
