"""What one call costs: jkeras beside Keras on JAX, in one run.

    python experiments/benchmarks/calls.py
    python experiments/benchmarks/calls.py --networks dense --batches 1 --calls 50
    python experiments/benchmarks/calls.py --optimizer sgd --output results/calls

A loop over single batches, an evaluation of one batch, a prediction of one example: here the work
is small, and what counts is what a library does around it. Both libraries run the same script, by
Keras's functional API, from equal weights on equal data, and are asked for the loss of a batch
first: unless the two agree, nothing is measured.

Each library has a process of its own. The two take turns, case by case, some calls each, so that a
slow moment of the machine hits them alike; a process that is not asked waits. A figure is the
median of all calls but those that compile and the first of each turn. A call ends when its result
is a number or a NumPy array. An epoch is 20 batches, with a callback that reads the loss of each;
its figure is the median of a tenth as many epochs. Written are `calls.json` and `calls.md`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from suite import machine, registry, runs

sys.path.append(str(Path(__file__).parent / "peers"))
import keras_models

PEERS = {"jkeras": "jkeras", "keras-jax": "keras"}
"""The module of each peer."""

LOSSES = {"dense": "mse", "residual": "sparse_categorical_crossentropy"}
DEPTH, TINY_DEPTH = 7, 0  # of the residual network, of 20 and of 6 convolutions
STEPS, TINY_STEPS = 20, 2  # batches of an epoch
WARM_UP, TINY_WARM_UP = 5, 1  # calls before the first that counts
AGREEMENT = 1e-3  # relative difference of two first losses


class Call(NamedTuple):
    """Something that is asked of a model.

    Attributes:
      target: the most that it may take, as a multiple of Keras.
      ask: (model, x, y) -> a number or a NumPy array; None for an epoch, which a callback times.
      one: whether it is asked for one example only.
    """

    target: float
    ask: Callable[[Any, Any, Any], Any] | None
    one: bool = False


CALLS = {
    "train_on_batch": Call(0.9, lambda model, x, y: float(model.train_on_batch(x, y))),
    "test_on_batch": Call(0.9, lambda model, x, y: float(model.test_on_batch(x, y))),
    "evaluate": Call(
        0.9, lambda model, x, y: float(model.evaluate(x, y, batch_size=len(x), verbose=0))
    ),
    "fit": Call(
        0.9,
        lambda model, x, y: float(model.fit(x, y, batch_size=len(x), verbose=0).history["loss"][0]),
    ),
    "predict_on_batch": Call(1.0, lambda model, x, y: np.asarray(model.predict_on_batch(x))),
    "predict": Call(1.0, lambda model, x, y: np.asarray(model.predict(x, verbose=0)), one=True),
    "model(x)": Call(0.5, lambda model, x, y: np.asarray(model(x))),
    "epoch, watched": Call(0.9, None),
}


class Case(NamedTuple):
    """One row of the table."""

    call: str
    network: str
    batch: int


def cases(networks: Sequence[str], batches: Sequence[int]) -> list[Case]:
    """What is measured, in order."""
    return [
        Case(call, network, batch)
        for network in networks
        for batch in batches
        for call in CALLS
        if batch == 1 or not CALLS[call].one
    ]


# -- in a peer's process


def made_data(network: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets: `[count, 20]` and `[count, 1]`, or `[count, 8, 8, 1]` and class ids."""
    rng = np.random.default_rng(0)
    if network == "dense":
        x = rng.standard_normal((count, 20), np.float32)
        return x, x[:, :1] - x[:, 1:2]
    x = rng.standard_normal((count, 8, 8, 1), np.float32)
    return x, rng.integers(0, 10, count).astype(np.int32)


def made_model(keras: Any, network: str, optimizer: str, depth: int) -> Any:
    """A compiled model; its weights are the same in every library."""
    joiner = keras_models.KerasJoiner(keras)
    model = joiner.model(*keras_models.SMALL_MODELS[network](joiner, depth))
    model.compile(optimizer, LOSSES[network])
    rng = np.random.default_rng(0)
    weights = [np.asarray(weight) for weight in model.get_weights()]
    sizes = [np.sqrt(np.prod(weight.shape[:-1])) for weight in weights]
    drawn = [rng.standard_normal(weight.shape, np.float32) for weight in weights]
    model.set_weights(
        [
            new / size if weight.ndim > 1 else weight
            for weight, new, size in zip(weights, drawn, sizes, strict=True)
        ]
    )
    return model


class Library:
    """One library's models, and the clock.

    Args:
      keras: the library's module.
      optimizer: of all models.
      tiny: a small network and short epochs.
    """

    def __init__(self, keras: Any, optimizer: str, *, tiny: bool) -> None:
        self._keras, self._optimizer = keras, optimizer
        sizes = (TINY_DEPTH, TINY_STEPS, TINY_WARM_UP) if tiny else (DEPTH, STEPS, WARM_UP)
        self._depth, self._steps, self._warm_up = sizes
        self._models: dict[str, Any] = {}
        self._warm: set[Case] = set()

    def describe(self, network: str) -> dict[str, Any]:
        """The number of weights, and the loss of a batch before anything is trained."""
        model = made_model(self._keras, network, self._optimizer, self._depth)
        self._models[network] = model
        loss = float(model.test_on_batch(*made_data(network, 32)))
        return {"weights": int(model.count_params()), "loss": loss}

    def seconds(self, call: str, network: str, batch: int, count: int) -> dict[str, Any]:
        """Seconds of each of so many calls, after those that warm up."""
        case, model = Case(call, network, batch), self._models[network]
        extra = 1 if case in self._warm else self._warm_up
        self._warm.add(case)
        ask = CALLS[call].ask
        if ask is None:
            x, y = made_data(network, batch * self._steps)
            return {"seconds": self._epochs(model, x, y, batch, count + extra)[extra:]}
        x, y = made_data(network, batch)
        taken = []
        for _ in range(count + extra):
            start = time.perf_counter()
            ask(model, x, y)
            taken.append(time.perf_counter() - start)
        return {"seconds": taken[extra:]}

    def _epochs(self, model: Any, x: Any, y: Any, batch: int, count: int) -> list[float]:
        """Seconds of each epoch of a fit in which a callback reads every loss."""

        class Watcher(self._keras.callbacks.Callback):  # type: ignore[name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.marks: list[float] = []
                self.losses: list[float] = []

            def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
                self.marks.append(time.perf_counter())

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                self.marks.append(time.perf_counter())

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                self.losses.append(float(logs["loss"]))

        watcher = Watcher()
        model.fit(x, y, batch_size=batch, epochs=count, verbose=0, callbacks=[watcher])
        assert len(watcher.losses) == count * len(x) // batch, "every batch is seen"
        starts, ends = watcher.marks[::2], watcher.marks[1::2]
        return [end - start for start, end in zip(starts, ends, strict=True)]


def serve(peer: str, optimizer: str, *, tiny: bool) -> None:
    """Answers requests, a line of JSON each, until there are no more."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    library = Library(importlib.import_module(PEERS[peer]), optimizer, tiny=tiny)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(library, request.pop("what"))(**request)
        except Exception as error:  # whatever it is, it is this peer's result for the case
            answer = {"failure": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)


# -- in the process that asks


class Asked(Protocol):
    """A peer that can be asked."""

    def __call__(self, **request: Any) -> dict[str, Any]:
        """The answer to a request.

        Raises:
          runs.PeerFailed: there is none.
        """


@contextlib.contextmanager
def started(peer: str, args: argparse.Namespace) -> Iterator[Asked]:
    """A peer in a process of its own, which ends with the block."""
    words = [sys.executable, __file__, "--serve", peer, "--optimizer", args.optimizer]
    words += ["--tiny"] if args.tiny else []
    settings = runs.Settings(args.output, args.output / "cache", 1, 0.0, tiny=args.tiny)
    env = runs.environment(runs.Job("", peer, "train", 1), settings) | {"KERAS_BACKEND": "jax"}
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, env=env, text=True) as process:

        def ask(**request: Any) -> dict[str, Any]:
            assert process.stdin is not None and process.stdout is not None, "both are pipes"
            try:
                print(json.dumps(request), file=process.stdin, flush=True)
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            answer = json.loads(line) if line else {"failure": "its process has ended"}
            if "failure" in answer:
                raise runs.PeerFailed(answer["failure"])
            return answer

        yield ask


def check_alike(network: str, peers: Mapping[str, Asked]) -> None:
    """Raises unless the peers have the same network.

    Raises:
      ValueError: numbers of weights or first losses differ.
      runs.PeerFailed: a peer cannot make it.
    """
    found = {name: ask(what="describe", network=network) for name, ask in peers.items()}
    weights = {each["weights"] for each in found.values()}
    losses = [each["loss"] for each in found.values()]
    if len(weights) > 1 or max(losses) - min(losses) > AGREEMENT * abs(min(losses)):
        raise ValueError(
            f"{network}: expected equal numbers of weights and equal losses of the first batch, "
            f"got {found}. The peers do not have the same network."
        )


def measure(
    case: Case, peers: Mapping[str, Asked], calls: int, turns: int, say: Callable[[str], None]
) -> dict[str, float | str]:
    """Median milliseconds of a case by peer, or why there are none."""
    count = calls if CALLS[case.call].ask is not None else calls // 10
    each = max(1, count // turns)
    taken: dict[str, list[float]] = {name: [] for name in peers}
    failures: dict[str, float | str] = {}
    for _ in range(turns):
        for name, ask in peers.items():
            if name in failures:
                continue
            try:
                taken[name] += ask(what="seconds", count=each, **case._asdict())["seconds"]
            except runs.PeerFailed as failure:
                failures[name] = str(failure)
                say(f"{case.call}, {case.network}, {case.batch}: {name} failed, {failure}")
    return {name: failures.get(name) or 1000 * statistics.median(taken[name]) for name in peers}


def row(case: Case, found: Mapping[str, float | str]) -> dict[str, Any]:
    """A case with its figures.

    Returns:
      The call, the network, the batch, each peer's milliseconds (or why there are none), the ratio
      of jkeras to Keras (None where one is missing) and the target.
    """
    ours, keras = found.get("jkeras"), found.get("keras-jax")
    known = isinstance(ours, float) and isinstance(keras, float)
    ratio = ours / keras if known else None  # type: ignore[operator]  # both are floats
    return {**case._asdict(), **found, "ratio": ratio, "target": CALLS[case.call].target}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown; a ratio above its target is bold."""
    heads = ("call", "network", "batch", "jkeras, ms", "Keras, ms", "ratio", "target")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for each in rows:
        cells = [each["call"], each["network"], str(each["batch"])]
        cells += [_shown(each.get(peer)) for peer in PEERS]
        ratio, target = each["ratio"], each["target"]
        words = "–" if ratio is None else f"{ratio:.2f}"
        missed = ratio is not None and ratio > target
        cells += [f"**{words}**" if missed else words, f"{target:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(figure: float | str | None) -> str:
    if figure is None:
        return "–"
    return "failed" if isinstance(figure, str) else f"{figure:.3g}"


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="What one call costs, beside Keras on JAX.")
    add = parser.add_argument
    add("--networks", nargs="+", choices=list(LOSSES), default=list(LOSSES))
    add("--batches", nargs="+", type=int, default=[32, 1])
    add("--optimizer", choices=["adam", "sgd"], default="adam")
    add("--calls", type=int, default=200, help="of each kind, by each library")
    add("--turns", type=int, default=5, help="in which these calls are made")
    add("--output", type=Path, default=Path("results/calls"))
    add("--tiny", action="store_true", help="two calls, a small network: does it run?")
    add("--serve", choices=list(PEERS), help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Measures, prints the table, and writes it."""
    args = parse(argv)
    if args.serve:
        serve(args.serve, args.optimizer, tiny=args.tiny)
        return
    calls, turns = (2, 1) if args.tiny else (args.calls, args.turns)
    todo, rows = cases(args.networks, args.batches[-1:] if args.tiny else args.batches), []
    args.output.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        peers: dict[str, Asked] = {}
        for name in PEERS:
            if needed := registry.missing(name):
                print(f"{name}: skipped, {' and '.join(needed)} not installed")
            else:
                peers[name] = stack.enter_context(started(name, args))
        for network in args.networks:
            check_alike(network, peers)
        for case in todo:
            rows.append(row(case, measure(case, peers, calls, turns, print)))
            print(table(rows[-1:]).splitlines()[-1], flush=True)
    told = machine.describe()
    settings = {"calls": calls, "turns": turns, "optimizer": args.optimizer, "tiny": args.tiny}
    whole = {"machine": told, "settings": settings, "rows": rows}
    text = (
        f"# Calls\n\n{machine.line(told, [])} Medians of {calls} calls, {args.optimizer}; a ratio "
        f"above its target is bold.\n\n{table(rows)}\n"
    )
    print(f"\n{text}")
    (args.output / "calls.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (args.output / "calls.md").write_text(text, encoding="utf-8")
    if args.tiny and any(isinstance(each.get(peer), str) for each in rows for peer in PEERS):
        raise SystemExit("A peer failed: the notes above say why.")


if __name__ == "__main__":
    main()
