"""VGG16."""

from __future__ import annotations

from jkeras.applications.family import Row
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.variants import variant
from jkeras.applications.vgg import SOURCE, build

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

_ROW = Row(
    "VGG16",
    ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
    (2, 2, 3, 3, 3),
)

VGG16 = variant(build, "VGG16", _ROW, source=SOURCE, name="vgg16")

preprocess_input = preprocessing("caffe")
