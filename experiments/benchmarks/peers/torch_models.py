"""The models as plain PyTorch modules. Images come as `[batch, channels, height, width]`."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn


class LastStep(nn.Module):
    """A recurrent module's output at the end of the sequence."""

    def __init__(self, recurrent: nn.Module) -> None:
        super().__init__()
        self.recurrent = recurrent

    def forward(self, inputs: Tensor) -> Tensor:
        """`[batch, time, features]` to `[batch, units]`."""
        return self.recurrent(inputs)[0][:, -1]


class Residual(nn.Module):
    """The sum of two ways from the same inputs, then a rectifier."""

    def __init__(self, channels: int, filters: int, strides: int) -> None:
        super().__init__()
        first = [*conv_norm(channels, filters, 3, strides), nn.ReLU()]
        self.main = nn.Sequential(*first, *conv_norm(filters, filters, 3))
        short = conv_norm(channels, filters, 1, strides) if strides > 1 else []
        self.shortcut = nn.Sequential(*short)

    def forward(self, inputs: Tensor) -> Tensor:
        """The block."""
        return nn.functional.relu(self.main(inputs) + self.shortcut(inputs))


def conv_norm(channels: int, filters: int, size: int, strides: int = 1) -> list[nn.Module]:
    """A convolution without bias and its normalization, with Keras's numbers."""
    conv = nn.Conv2d(channels, filters, size, strides, padding=size // 2, bias=False)
    return [conv, nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)]


def mlp(depth: int) -> nn.Module:
    """784-128-10."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn(depth: int) -> nn.Module:
    """Two rounds of convolution and pooling, then dropout."""
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10)),
    )


def lstm(depth: int) -> nn.Module:
    """The rows from top to bottom."""
    return nn.Sequential(LastStep(nn.LSTM(28, 128, batch_first=True)), nn.Linear(128, 10))


def gru(depth: int) -> nn.Module:
    """The rows from top to bottom."""
    return nn.Sequential(LastStep(nn.GRU(28, 128, batch_first=True)), nn.Linear(128, 10))


def resnet(depth: int) -> nn.Module:
    """A stem and three residual blocks."""
    stem = [*conv_norm(1, 16, 3), nn.ReLU()]
    blocks = [Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*stem, *blocks, *head)


def transformer(depth: int) -> nn.Module:
    """Each row is a token; the flattened end tells them apart."""
    blocks = [
        nn.TransformerEncoderLayer(
            64, 4, 128, dropout=0.0, layer_norm_eps=1e-3, batch_first=True, norm_first=True
        )
        for _ in range(2)
    ]
    head = [nn.LayerNorm(64, eps=1e-3), nn.Flatten(), nn.Linear(28 * 64, 10)]
    return nn.Sequential(nn.Linear(28, 64), *blocks, *head)


def deep(depth: int) -> nn.Module:
    """`depth` convolutions over tiny images."""
    body: list[nn.Module] = []
    for i in range(depth):
        body += [nn.Conv2d(16 if i else 1, 16, 3, padding="same"), nn.ReLU()]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))


MODELS: dict[str, Callable[[int], nn.Module]] = {
    "mlp": mlp,
    "cnn": cnn,
    "lstm": lstm,
    "gru": gru,
    "resnet": resnet,
    "transformer": transformer,
    "deep": deep,
}
