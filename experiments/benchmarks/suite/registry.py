"""What is measured: the models, the peers, and the figures."""

from __future__ import annotations

import importlib.util
from typing import NamedTuple


class Model(NamedTuple):
    """A model and how it is trained.

    Attributes:
      words: what it is.
      optimizer: "sgd" (0.01) or "adam" (0.001).
      batch_size: examples in a step.
      trains: whether epochs are run; otherwise only the first step is.
    """

    words: str
    optimizer: str
    batch_size: int
    trains: bool = True


class Peer(NamedTuple):
    """Somebody who trains the models.

    Attributes:
      script: in the folder `peers`.
      packages: what must be installed beside jkeras.
      without: models that it leaves out.
    """

    script: str
    packages: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


MODELS = {
    "mlp": Model("dense 784-128-10", "sgd", 32),
    "cnn": Model("3×3 convolutions of 32 and 64 channels, max-pooling, dropout", "adam", 128),
    "lstm": Model("LSTM of 128 units over 28 rows of 28 pixels", "adam", 128),
    "gru": Model("GRU of 128 units over 28 rows of 28 pixels", "adam", 128),
    "resnet": Model("residual blocks of 16, 32, 64 channels, batch normalization", "adam", 128),
    "transformer": Model("28 rows as tokens, 2 blocks, 64 wide, 4 heads", "adam", 128),
    "deep": Model("50 convolutions of 16 channels over 8×8 pixels", "adam", 128, trains=False),
}
PEERS = {
    "jkeras": Peer("keras_face.py"),
    # A scan over XLA's own convolutions takes ten times as long as steps on a CPU: an hour here.
    "raw-scan": Peer("raw_jax.py", without=("resnet",)),
    "raw-step": Peer("raw_jax.py"),
    "keras-jax": Peer("keras_face.py", ("keras",)),
    "keras-tf": Peer("keras_face.py", ("keras", "tensorflow")),
    "keras-torch": Peer("keras_face.py", ("keras", "torch")),
    "torch": Peer("torch_loop.py", ("torch",)),
    "flax-linen": Peer("flax_linen.py", ("flax",), without=("deep",)),
    "flax-nnx": Peer("flax_nnx.py", ("flax",), without=("deep",)),
}
TINY_PEERS = {"jkeras": tuple(MODELS), "raw-scan": ("mlp",)}
"""Who does what when it only has to run: every model once, and a hand-written loop beside one."""

BASES = ("keras-jax", "raw-step", "raw-scan")
"""To whom ratios are taken: the first of these that was measured."""

FIGURES = {
    "epoch_s": "epoch, s",
    "first_step_s": "first step, s",
    "total_s": "whole script, s",
    "import_s": "import, s",
    "peak_mb": "peak memory, MB",
    "accuracy": "test accuracy",
    "weights": "weights",
}
ABSOLUTE = ("accuracy", "weights")
"""Figures without a ratio."""


def has(peer: str, model: str) -> bool:
    """Whether the peer does the model."""
    return model not in PEERS[peer].without


def missing(peer: str) -> list[str]:
    """The packages that the peer needs and that are not installed."""
    return [name for name in PEERS[peer].packages if importlib.util.find_spec(name) is None]
