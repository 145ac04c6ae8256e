"""The same models in a plain PyTorch loop over tensor slices, its fastest plain form.

The number of threads is PyTorch's own choice; no loader stands between the data and the loop.
"""

from __future__ import annotations

import argparse
import time

import common

start = time.perf_counter()  # the imports below are what is timed, so they stand below
import torch  # noqa: E402
import torch_models  # noqa: E402
from torch import Tensor, nn  # noqa: E402

imports = time.perf_counter() - start


class TorchLoop(common.Loop):
    """zero_grad, forward, backward, step."""

    def __init__(self, args: argparse.Namespace, data: common.Data) -> None:
        torch.manual_seed(0)
        on = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.cuda.get_device_name() if on == "cuda" else on
        self.x, self.x_test = (_channels_first(torch.tensor(x)).to(on) for x in data[::2])
        self.y, self.y_test = (torch.tensor(y).long().to(on) for y in data[1::2])
        self.model = torch_models.MODELS[args.model](args.depth).to(on)
        parameters = list(self.model.parameters())
        self.optimizer: torch.optim.Optimizer = torch.optim.Adam(parameters)
        if args.optimizer == "sgd":
            self.optimizer = torch.optim.SGD(parameters, 0.01)
        self.loss_fn, self.size = nn.CrossEntropyLoss(), args.batch_size
        self.weights = sum(w.numel() for w in self.model.state_dict().values() if w.ndim)

    def step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """One update, with the loss and the accuracy that a user would watch."""
        self.optimizer.zero_grad()
        scores = self.model(x)
        loss = self.loss_fn(scores, y)
        loss.backward()
        self.optimizer.step()
        return loss.detach() * len(y), (scores.argmax(1) == y).sum()

    def first_step(self) -> None:
        """One batch."""
        float(self.step(self.x[: self.size], self.y[: self.size])[0])

    def correct(self, x: Tensor, y: Tensor) -> Tensor:
        """The number of examples that are classified correctly."""
        return (self.model(x).argmax(1) == y).sum()

    def epoch(self) -> float:
        """An epoch and its validation."""
        self.model.train()
        order = torch.randperm(len(self.x), device=self.x.device)
        total, right = torch.zeros(2, device=self.x.device)
        for index in order.split(self.size):
            loss, correct = self.step(self.x[index], self.y[index])
            total, right = total + loss, right + correct
        self.model.eval()
        with torch.no_grad():
            return common.share(self.correct, self.x_test, self.y_test)


def _channels_first(x: Tensor) -> Tensor:
    return x.movedim(-1, 1).contiguous() if x.ndim == 4 else x


if __name__ == "__main__":
    common.measure(common.options(), imports, TorchLoop)
