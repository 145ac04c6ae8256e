"""VGG19."""

from __future__ import annotations

from jkeras.applications.family import Row
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.variants import variant
from jkeras.applications.vgg import SOURCE, build

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

_ROW = Row(
    "VGG19",
    ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
    (2, 2, 4, 4, 4),
)

VGG19 = variant(build, "VGG19", _ROW, source=SOURCE, name="vgg19")

preprocess_input = preprocessing("caffe")
