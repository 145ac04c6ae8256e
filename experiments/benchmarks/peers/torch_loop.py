"""The same models in a plain PyTorch loop over tensor slices, its fastest plain form."""

from __future__ import annotations

import time

import common

start = time.perf_counter()  # the imports below are what is timed, so they stand below
import torch  # noqa: E402
from torch import nn  # noqa: E402

imports = time.perf_counter() - start
args = common.options()
(x, y), (x_test, y_test) = (
    (torch.tensor(images), torch.tensor(labels).long())
    for images, labels in common.load(args.model)
)
torch.manual_seed(0)
if args.model == "mlp":
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
else:
    x, x_test = x.movedim(-1, 1).contiguous(), x_test.movedim(-1, 1).contiguous()
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10)),
    )
optimizers = {"sgd": lambda p: torch.optim.SGD(p, 0.01), "adam": lambda p: torch.optim.Adam(p)}
optimizer = optimizers[args.optimizer](model.parameters())
loss_fn = nn.CrossEntropyLoss()


def epoch() -> None:
    """An epoch and its validation."""
    global accuracy
    model.train()
    order, correct, total = torch.randperm(len(x)), 0, 0.0
    for i in range(0, len(x), args.batch_size):
        index = order[i : i + args.batch_size]
        optimizer.zero_grad()
        scores = model(x[index])
        loss = loss_fn(scores, y[index])
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(index)
        correct += (scores.argmax(1) == y[index]).sum()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()


accuracy = 0.0
seconds = common.timed_epochs(args.epochs, epoch)
common.report(args, imports=imports, epochs=seconds, accuracy=accuracy)
