"""Layers as their users call them: one number stands for all axes.

Their fields have the types after conversion, tuples; here a call is checked when it runs.
"""

from __future__ import annotations

from typing import Any

from jkeras import layers

Activation: Any = layers.Activation
Add: Any = layers.Add
AveragePooling2D: Any = layers.AveragePooling2D
BatchNormalization: Any = layers.BatchNormalization
Concatenate: Any = layers.Concatenate
Conv2D: Any = layers.Conv2D
Cropping2D: Any = layers.Cropping2D
Dense: Any = layers.Dense
DepthwiseConv2D: Any = layers.DepthwiseConv2D
Dropout: Any = layers.Dropout
Flatten: Any = layers.Flatten
GlobalAveragePooling2D: Any = layers.GlobalAveragePooling2D
GlobalMaxPooling2D: Any = layers.GlobalMaxPooling2D
Input: Any = layers.Input
LayerNormalization: Any = layers.LayerNormalization
MaxPooling2D: Any = layers.MaxPooling2D
Multiply: Any = layers.Multiply
Normalization: Any = layers.Normalization
ReLU: Any = layers.ReLU
Rescaling: Any = layers.Rescaling
Reshape: Any = layers.Reshape
SeparableConv2D: Any = layers.SeparableConv2D
ZeroPadding2D: Any = layers.ZeroPadding2D
add: Any = layers.add
concatenate: Any = layers.concatenate
multiply: Any = layers.multiply
