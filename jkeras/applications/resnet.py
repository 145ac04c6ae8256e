"""ResNet50, ResNet101 and ResNet152."""

from __future__ import annotations

from jkeras.applications.family import Row
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.residual import SOURCES, VERSIONS
from jkeras.applications.variants import variant

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

_TABLE = {
    50: (
        (3, 4, 6, 3),
        ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    ),
    101: (
        (3, 4, 23, 3),
        ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    ),
    152: (
        (3, 8, 36, 3),
        ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    ),
}

ResNet50, ResNet101, ResNet152 = (
    variant(
        VERSIONS[1],
        f"ResNet{depth}",
        Row(f"ResNet{depth}", checksums, blocks),
        source=SOURCES[1],
        name=f"resnet{depth}",
    )
    for depth, (blocks, checksums) in _TABLE.items()
)

preprocess_input = preprocessing("caffe")
