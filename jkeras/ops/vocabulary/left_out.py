"""The names of `keras.ops` that are not supported, each with the reason and an alternative."""

from __future__ import annotations

_AUGMENTATION = "Image augmentation is out of scope."

LEFT_OUT: dict[str, str] = {
    "affine_transform": f"{_AUGMENTATION} Use ops.image.map_coordinates with the coordinates "
    "that the transformation gives.",
    "elastic_transform": f"{_AUGMENTATION} Use ops.image.map_coordinates with displaced "
    "coordinates.",
    "gaussian_blur": f"{_AUGMENTATION} Use ops.depthwise_conv with a Gaussian kernel.",
    "perspective_transform": f"{_AUGMENTATION} Use ops.image.map_coordinates with the "
    "coordinates that the transformation gives.",
    "sobel_edges": "Use ops.depthwise_conv with Sobel's two kernels.",
    "ssim": "Compute it from ops.depthwise_conv with a Gaussian kernel.",
}
"""Name to reason; all of them are names of `keras.ops.image`."""
