"""Networks in the shapes that people build: residual, U-shaped, recurrent, of attention, mixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jkeras
from jkeras import layers as L
from jkeras import ops
from jkeras.layers import Input


def mnist_cnn() -> jkeras.Sequential:
    """The network of experiments/mnist_cnn.py, narrow."""
    return jkeras.Sequential(
        [
            *(Input((28, 28, 1), dtype="uint8"), L.Rescaling(1 / 255)),
            *(L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D()),
            *(L.Conv2D(8, 3, activation="relu"), L.MaxPooling2D()),
            *(L.Flatten(), L.Dropout(0.25), L.Dense(16, activation="relu"), L.Dropout(0.5)),
            L.Dense(10, activation="softmax"),
        ],
        seed=0,
    )


def convolved(x: Any, filters: int, size: int, stride: int = 1, relu: bool = True) -> Any:
    x = L.Conv2D(filters, size, stride, "same")(x)
    x = L.BatchNormalization(epsilon=1.001e-5)(x)
    return L.ReLU()(x) if relu else x


def bottleneck(x: Any, filters: int, stride: int, shortcut: bool) -> Any:
    rest = convolved(x, 4 * filters, 1, stride, relu=False) if shortcut else x
    x = convolved(convolved(x, filters, 1, stride), filters, 3)
    return L.ReLU()(L.Add()([rest, convolved(x, 4 * filters, 1, relu=False)]))


def resnet_50() -> jkeras.Model:
    """All 50 layers of ResNet-50, with 2 channels where it has 64."""
    inputs = Input((32, 32, 3))
    x = convolved(L.ZeroPadding2D(3)(inputs), 2, 7, 2)
    x = L.MaxPooling2D(3, 2)(L.ZeroPadding2D(1)(x))
    for group, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            stride = 2 if group and not block else 1
            x = bottleneck(x, 2 * 2**group, stride, shortcut=not block)
    return jkeras.Model(inputs, L.Dense(10, "softmax")(L.GlobalAveragePooling2D()(x)), seed=0)


def mobile_net() -> jkeras.Model:
    """Inverted residuals with depthwise convolutions and squeeze-and-excitation."""
    inputs = x = Input((16, 16, 4))
    for stride in (1, 2):
        y = L.Conv2D(8, 1, use_bias=False)(x)
        y = L.Activation("relu6")(L.BatchNormalization()(y))
        y = L.DepthwiseConv2D(3, stride, "same", use_bias=False)(y)
        y = L.Activation("hard_silu")(L.BatchNormalization()(y))
        scale = L.GlobalAveragePooling2D(keepdims=True)(y)
        scale = L.Conv2D(8, 1, activation="hard_sigmoid")(L.Conv2D(2, 1, activation="relu")(scale))
        y = L.BatchNormalization()(L.Conv2D(4, 1, use_bias=False)(L.Multiply()([y, scale])))
        x = L.Add()([x, y]) if stride == 1 else y
    return jkeras.Model(inputs, L.Dense(3)(L.Flatten()(x)), seed=0)


def u_net() -> jkeras.Model:
    inputs = x = Input((16, 16, 2))
    skips = []
    for filters in (3, 4):
        x = convolved(x, filters, 3)
        skips.append(x)
        x = L.MaxPooling2D()(x)
    x = convolved(x, 5, 3)
    for filters, skip in zip((4, 3), reversed(skips), strict=True):
        x = L.Conv2DTranspose(filters, 2, 2, "same")(x)
        x = convolved(L.Concatenate()([x, skip]), filters, 3)
    return jkeras.Model(inputs, L.Conv2D(2, 1, activation="sigmoid")(x), seed=0)


def inception() -> jkeras.Model:
    inputs = x = Input((12, 12, 3))
    for _ in range(2):
        branches = [
            convolved(x, 2, 1),
            convolved(convolved(x, 2, 1), 3, 3),
            convolved(convolved(x, 2, 1), 2, 5),
            convolved(L.MaxPooling2D(3, 1, "same")(x), 2, 1),
            convolved(L.AveragePooling2D(3, 1, "same")(x), 2, 1),
        ]
        x = L.MaxPooling2D(2)(L.Concatenate()(branches))
    return jkeras.Model(inputs, L.Dense(4, "softmax")(L.GlobalAveragePooling2D()(x)), seed=0)


def autoencoder() -> jkeras.Model:
    encoder = jkeras.Sequential([Input((8, 8, 1)), L.Conv2D(3, 3, 2, "same"), L.Flatten()])
    decoder = jkeras.Sequential(
        [Input((48,)), L.Reshape((4, 4, 3)), L.UpSampling2D(), L.Conv2D(1, 3, padding="same")]
    )
    inputs = Input((8, 8, 1))
    return jkeras.Model(inputs, decoder(encoder(inputs)), seed=0)


def nested_sequential() -> jkeras.Sequential:
    inner = jkeras.Sequential([L.Dense(5, activation="relu"), L.BatchNormalization()])
    return jkeras.Sequential([Input((4,)), L.Dense(3), inner, jkeras.Sequential([L.Dense(2)])])


def seq2seq(length: int | None = None) -> jkeras.Model:
    """An LSTM that encodes, and one that decodes from its states."""
    source, target = Input((length, 5), name="source"), Input((length, 6), name="target")
    _, h, c = L.LSTM(4, return_state=True)(source)
    x = L.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    return jkeras.Model([source, target], L.Dense(6, "softmax")(x), seed=0)


def seq2seq_attention() -> jkeras.Model:
    source, target = Input((6,), dtype="int32"), Input((5,), dtype="int32")
    encoded = L.Bidirectional(L.GRU(4, return_sequences=True))(
        L.Embedding(12, 6, mask_zero=True)(source)
    )
    decoded = L.GRU(8, return_sequences=True)(L.Embedding(10, 6)(target))
    context = L.Attention()([decoded, encoded])
    return jkeras.Model([source, target], L.Dense(10)(L.Concatenate()([decoded, context])), seed=0)


def two_towers() -> jkeras.Model:
    """A user and an item, each embedded, compared by the cosine; inputs in a dict."""
    user = Input((1,), name="user_id", dtype="int32")
    item = {"id": Input((1,), name="item_id", dtype="int32"), "price": Input((2,), name="price")}
    left = L.Dense(4)(L.Flatten()(L.Embedding(20, 6)(user)))
    right = L.Concatenate()([L.Flatten()(L.Embedding(30, 6)(item["id"])), item["price"]])
    score = L.Dot(1, normalize=True)([left, L.Dense(4)(L.Dense(5, "relu")(right))])
    inputs = {"user_id": user, "item_id": item["id"], "price": item["price"]}
    return jkeras.Model(inputs, score, seed=0)


def transformer_block(x: Any, heads: int, size: int, causal: bool) -> Any:
    y = L.LayerNormalization()(x)
    x = x + L.MultiHeadAttention(heads, size // heads)(y, y, use_causal_mask=causal)
    y = L.Dense(2 * size, activation="gelu")(L.LayerNormalization()(x))
    return x + L.Dense(size)(y)


def gpt(length: int | None = None) -> jkeras.Model:
    """Token ids of any length, learned positions, two causal blocks, tied output weights."""
    tokens = Input((length,), dtype="int32")
    embedding = L.ReversibleEmbedding(17, 8)
    positions = ops.arange(16 if length is None else length)
    x = embedding(tokens)
    if length is not None:
        x = x + L.Embedding(16, 8)(positions)
    for _ in range(2):
        x = transformer_block(x, 2, 8, causal=True)
    return jkeras.Model(tokens, embedding(L.LayerNormalization()(x), reverse=True), seed=0)


def vision_transformer() -> jkeras.Model:
    image = Input((8, 8, 3))
    x = L.Reshape((4, 8))(L.Conv2D(8, 4, 4)(image))
    for _ in range(2):
        x = transformer_block(x, 2, 8, causal=False)
    return jkeras.Model(image, L.Dense(3)(x[:, 0]), seed=0)


def mlp_mixer() -> jkeras.Model:
    image = Input((8, 8, 3))
    x = L.Reshape((4, 6))(L.Conv2D(6, 4, 4)(image))
    for _ in range(2):
        y = L.Permute((2, 1))(L.LayerNormalization()(x))
        y = L.Dense(4)(L.Dense(8, activation="gelu")(y))
        x = L.Add()([x, L.Permute((2, 1))(y)])
        y = L.Dense(12, activation="gelu")(L.LayerNormalization()(x))
        x = L.Add()([x, L.Dense(6)(y)])
    return jkeras.Model(image, L.Dense(3)(L.GlobalAveragePooling1D()(x)), seed=0)


def text_cnn() -> jkeras.Model:
    tokens = Input((12,), dtype="int32")
    x = L.Embedding(15, 6)(tokens)
    pooled = [L.GlobalMaxPooling1D()(L.Conv1D(3, k, activation="relu")(x)) for k in (2, 3, 4)]
    return jkeras.Model(tokens, L.Dense(1, "sigmoid")(L.Concatenate()(pooled)), seed=0)


def temporal_convolutions() -> jkeras.Model:
    inputs = x = Input((None, 4))
    for rate in (1, 2, 4):
        y = L.Conv1D(4, 2, padding="causal", dilation_rate=rate, activation="relu")(x)
        x = L.Add()([x, L.Conv1D(4, 1)(y)])
    return jkeras.Model(inputs, L.Dense(1)(x), seed=0)


def siamese() -> jkeras.Model:
    """One network on two inputs: shared layers."""
    tower = jkeras.Sequential([L.Dense(5, activation="relu"), L.Dense(3)])
    left, right = Input((4,), name="left"), Input((4,), name="right")
    distance = ops.sum(ops.square(tower(left) - tower(right)), axis=-1, keepdims=True)
    return jkeras.Model([left, right], ops.sqrt(distance + 1e-6), seed=0)


def dicts_in_and_out() -> jkeras.Model:
    image, table = Input((8, 8, 1), name="image"), Input((5,), name="table")
    x = L.Flatten()(L.Conv2D(2, 3, activation="relu")(image))
    x = L.Concatenate()([x, L.Dense(4)(table)])
    outputs = {"kind": L.Dense(3, "softmax", name="kind")(x), "age": L.Dense(1, name="age")(x)}
    return jkeras.Model({"image": image, "table": table}, outputs, seed=0)


def wide_and_deep() -> jkeras.Model:
    category, numbers = Input((3,), dtype="int32", name="category"), Input((4,), name="numbers")
    wide = L.CategoryEncoding(6, output_mode="multi_hot")(category)
    deep = L.Dense(5, "relu")(L.Normalization(mean=1.0, variance=4.0)(numbers))
    return jkeras.Model(
        [category, numbers], L.Dense(1, "sigmoid")(L.Concatenate()([wide, deep])), seed=0
    )


def operators() -> jkeras.Model:
    """Operators and functions of `jkeras.ops` on symbols."""
    x = Input((4, 6))
    y = ops.transpose(x, (0, 2, 1)) * 2.0 + 1.0
    y = ops.matmul(x, y) / (ops.mean(ops.abs(x)) + 1.0)
    y = ops.where(y > 0, ops.log1p(ops.maximum(y, 0.0)), -ops.exp(ops.minimum(y, 0.0)))
    parts = ops.split(ops.concatenate([y, x[:, :, ::2]], axis=-1), 7, axis=-1)
    y = ops.stack([parts[0], parts[3], parts[6]], axis=1)
    y = ops.squeeze(y, -1)
    return jkeras.Model(x, y - ops.max(y, axis=(1, 2), keepdims=True), seed=0)


class Residual(L.Layer):
    """A layer with `build` and `call` of its own."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], shape[-1]), name="kernel")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return x + self.scale * ops.tanh(ops.matmul(x, self.kernel))


def own_layer() -> jkeras.Sequential:
    return jkeras.Sequential([Input((5,)), Residual(), L.Dense(3), Residual()], seed=0)


class Subclassed(jkeras.Model):
    """A model with a `call` of its own."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.first = L.Dense(5, activation="relu")
        self.norm = L.BatchNormalization()
        self.second = L.Dense(3)

    def call(self, x: Any, training: bool = False) -> Any:
        x = self.norm(self.first(x), training=training)
        return self.second(x) + ops.sum(x, axis=-1, keepdims=True)


class SubclassedWithDict(jkeras.Model):
    """A model whose `call` takes and gives dicts."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.left, self.right = L.Dense(3), L.Dense(3)

    def call(self, inputs: Any) -> Any:
        a, b = self.left(inputs["a"]), self.right(inputs["b"])
        return {"sum": a + b, "product": a * b}


def subclassed() -> jkeras.Model:
    model = Subclassed()
    model.build((None, 4))
    return model


def subclassed_with_dict() -> jkeras.Model:
    model = SubclassedWithDict()
    model.build({"a": (None, 4), "b": (None, 2)})
    return model


NETWORKS: dict[str, Callable[[], Any]] = {
    "mnist_cnn": mnist_cnn,
    "resnet_50": resnet_50,
    "mobile_net": mobile_net,
    "u_net": u_net,
    "inception": inception,
    "autoencoder": autoencoder,
    "nested_sequential": nested_sequential,
    "seq2seq": seq2seq,
    "seq2seq_fixed_length": lambda: seq2seq(5),
    "seq2seq_attention": seq2seq_attention,
    "two_towers": two_towers,
    "gpt": gpt,
    "gpt_fixed_length": lambda: gpt(9),
    "vision_transformer": vision_transformer,
    "mlp_mixer": mlp_mixer,
    "text_cnn": text_cnn,
    "temporal_convolutions": temporal_convolutions,
    "siamese": siamese,
    "dicts_in_and_out": dicts_in_and_out,
    "wide_and_deep": wide_and_deep,
    "operators": operators,
    "own_layer": own_layer,
    "subclassed": subclassed,
    "subclassed_with_dict": subclassed_with_dict,
}
