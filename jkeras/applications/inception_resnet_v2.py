"""InceptionResNetV2: blocks of branches, added to their inputs."""

from __future__ import annotations

from typing import NamedTuple

from jkeras.applications.family import Family, Row
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.inception import STEM, branch, convolution, join
from jkeras.applications.own_layers import CustomScaleLayer
from jkeras.applications.parts import Activation, Conv2D
from jkeras.applications.request import Request, channels
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import FOLDER, KERNELS, WeightFiles, published
from jkeras.core.keras_tensor import KerasTensor

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]


class Stage(NamedTuple):
    """A block that changes the number of channels, then blocks with shortcuts.

    Attributes:
      first: the name of the first block.
      branches: its branches.
      name: of the blocks with shortcuts.
      blocks: how many there are.
      scale: what their outputs are multiplied with.
      inner: their branches.
    """

    first: str
    branches: tuple[str, ...]
    name: str
    blocks: int
    scale: float
    inner: tuple[str, ...]


_STAGES = (
    Stage(
        "mixed_5b",
        ("96 1x1", "48 1x1, 64 5x5", "64 1x1, 96 3x3, 96 3x3", "avg, 64 1x1"),
        "block35",
        10,
        0.17,
        ("32 1x1", "32 1x1, 32 3x3", "32 1x1, 48 3x3, 64 3x3"),
    ),
    Stage(
        "mixed_6a",
        ("384 3x3/2", "256 1x1, 256 3x3, 384 3x3/2", "max"),
        "block17",
        20,
        0.1,
        ("192 1x1", "128 1x1, 160 1x7, 192 7x1"),
    ),
    Stage(
        "mixed_7a",
        ("256 1x1, 384 3x3/2", "256 1x1, 288 3x3/2", "256 1x1, 288 3x3, 320 3x3/2", "max"),
        "block8",
        10,
        0.2,
        ("192 1x1", "192 1x1, 224 1x3, 256 3x1"),
    ),
)

_ROW = Row(
    "InceptionResNetV2",
    ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4"),
    size=299,
)


def _outputs(row: Row, request: Request, x: KerasTensor) -> KerasTensor:
    x = branch(x, STEM)
    for stage in _STAGES:
        x = join([branch(x, text) for text in stage.branches], stage.first)
        for number in range(1, stage.blocks + 1):
            is_last = stage is _STAGES[-1] and number == stage.blocks
            x = _block(x, stage, f"{stage.name}_{number}", is_last)
    x = convolution(x, 1536, (1, 1), name="conv_7b")
    return request.classified(x) if request.include_top else request.pooled(x, None, None)


def _files(row: Row) -> WeightFiles:
    return published(f"{FOLDER}inception_resnet_v2/", "inception_resnet_v2", row.checksums, KERNELS)


build = Family(_outputs, _files, min_size=75)


def _block(x: KerasTensor, stage: Stage, name: str, is_last: bool) -> KerasTensor:
    """A block with its shortcut; the last is not scaled and has no activation."""
    inner = join([branch(x, text) for text in stage.inner], f"{name}_mixed")
    inner = Conv2D(channels(x), 1, padding="same", name=f"{name}_conv")(inner)
    x = CustomScaleLayer(1.0 if is_last else stage.scale)([x, inner])
    if not is_last:
        x = Activation("relu", name=f"{name}_ac")(x)
    return x


InceptionResNetV2 = variant(
    build,
    "InceptionResNetV2",
    _ROW,
    name="inception_resnet_v2",
    source="Szegedy et al. 2016, arXiv:1602.07261",
    min_size=75,
)

preprocess_input = preprocessing("tf")
