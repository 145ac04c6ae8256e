"""InceptionV3: blocks of branches with kernels of different shapes."""

from __future__ import annotations

from jkeras.applications.family import Family, Row
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.inception import STEM, branch, join
from jkeras.applications.request import Request
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import FOLDER, KERNELS, WeightFiles, published
from jkeras.core.keras_tensor import KerasTensor

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]


def _small(pooled: int) -> tuple[str, ...]:
    return "64 1x1", "48 1x1, 64 5x5", "64 1x1, 96 3x3, 96 3x3", f"avg, {pooled} 1x1"


def _long(n: int) -> tuple[str, ...]:
    twice = f"{n} 1x1, {n} 7x1, {n} 1x7, {n} 7x1, 192 1x7"
    return "192 1x1", f"{n} 1x1, {n} 1x7, 192 7x1", twice, "avg, 192 1x1"


_WIDE = (
    "320 1x1",
    "384 1x1, 384 1x3 + 384 3x1",
    "448 1x1, 384 3x3, 384 1x3 + 384 3x1",
    "avg, 192 1x1",
)

_BLOCKS = (
    _small(32),
    _small(64),
    _small(64),
    ("384 3x3/2", "64 1x1, 96 3x3, 96 3x3/2", "max"),
    _long(128),
    _long(160),
    _long(160),
    _long(192),
    ("192 1x1, 320 3x3/2", "192 1x1, 192 1x7, 192 7x1, 192 3x3/2", "max"),
    _WIDE,
    _WIDE,
)
"""The branches of each block."""

_ROW = Row(
    "InceptionV3",
    ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63"),
    size=299,
)


def _outputs(row: Row, request: Request, x: KerasTensor) -> KerasTensor:
    x = branch(x, STEM)
    for number, branches in enumerate(_BLOCKS):
        joined = iter((f"mixed9_{number - 9}", None))
        x = join([branch(x, text, joined) for text in branches], f"mixed{number}")
    return request.classified(x) if request.include_top else request.pooled(x, None, None)


def _files(row: Row) -> WeightFiles:
    return published(f"{FOLDER}inception_v3/", "inception_v3", row.checksums, KERNELS)


build = Family(_outputs, _files, min_size=75)


InceptionV3 = variant(
    build,
    "InceptionV3",
    _ROW,
    name="inception_v3",
    source="Szegedy et al. 2015, arXiv:1512.00567",
    min_size=75,
)

preprocess_input = preprocessing("tf")
