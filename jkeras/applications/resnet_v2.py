"""ResNet50V2, ResNet101V2 and ResNet152V2."""

from __future__ import annotations

from jkeras.applications.family import Row
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.residual import SOURCES, VERSIONS
from jkeras.applications.variants import variant

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

_TABLE = {
    50: (
        (3, 4, 6, 3),
        ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    ),
    101: (
        (3, 4, 23, 3),
        ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    ),
    152: (
        (3, 8, 36, 3),
        ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
    ),
}

ResNet50V2, ResNet101V2, ResNet152V2 = (
    variant(
        VERSIONS[2],
        f"ResNet{depth}V2",
        Row(f"ResNet{depth}V2", checksums, blocks),
        source=SOURCES[2],
        name=f"resnet{depth}v2",
    )
    for depth, (blocks, checksums) in _TABLE.items()
)

preprocess_input = preprocessing("tf")
