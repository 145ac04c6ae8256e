"""Running the peers: each in a process of its own, in turns, and every figure kept.

A run is a dict: the model, the peer, the turn, the task ("train" or "first step"), and the figures.
`Results` is what a JSON file holds, so tables can be made from it again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from . import machine
from .registry import MODELS, PEERS, TINY_PEERS, has

SCRIPTS = Path(__file__).parents[1] / "peers"
TASKS = ("train", "first step")
TINY_DEPTH, TINY_BATCH = 4, 16  # layers of the deep model, and batch size, to see that it runs


class Settings(NamedTuple):
    """How peers are run.

    Attributes:
      data: the file with the digits.
      cache: folder for jkeras's compiled programs.
      epochs: epochs of a run.
      timeout: seconds after which a run is given up.
      cold: whether programs are compiled anew in every run, not only for the first step.
      tiny: few layers, small batches, and programs compiled without optimization: does it run?
    """

    data: Path
    cache: Path
    epochs: int
    timeout: float
    cold: bool = False
    tiny: bool = False


class Job(NamedTuple):
    """One process."""

    model: str
    peer: str
    task: str
    turn: int


@dataclass
class Results:
    """Everything that was found.

    Attributes:
      machine: `machine.describe()`.
      settings: the options, for the record.
      runs: one dict a process.
      failures: why a peer has no figures for a model, by "model peer".
      skipped: why a peer was not run at all, by peer.
    """

    machine: dict[str, str] = field(default_factory=machine.describe)
    settings: dict[str, Any] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Writes a JSON file that `load` reads."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Results:
        """Reads a file that `save` wrote.

        Raises:
          ValueError: there is no such file, or it holds something else.
        """
        expected = f"{path}: expected a results.json that compare.py wrote"
        if not path.is_file():
            raise ValueError(f"{expected}, got no file. Measure first, without --from.")
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"{expected}, got something else: {error}.") from None

    @classmethod
    def joined(cls, parts: Sequence[Results]) -> Results:
        """Several runs on one machine as one; turns and epochs are the fewest of any."""
        first = parts[0]
        settings = {
            "rounds": min(part.settings["rounds"] for part in parts),
            "epochs": min(part.settings["epochs"] for part in parts),
            "cold": any(part.settings["cold"] for part in parts),
        }
        joined = cls(first.machine, settings)
        for part in parts:
            joined.runs += part.runs
            joined.failures |= part.failures
            joined.skipped |= part.skipped
        return joined


class PeerFailed(Exception):
    """A peer gave no figures; the message says why."""


def jobs(models: list[str], peers: list[str], rounds: int, *, tiny: bool) -> Iterator[Job]:
    """What to run, in order: model by model, and in each turn every peer once.

    Turn 0 warms the caches of files and programs, and is not kept. Tiny runs need neither it nor
    the first step of models that are trained anyway.
    """
    for model in models:
        trains = MODELS[model].trains
        tasks = [task for task in TASKS if trains or task == "first step"]
        for turn in range(1 if tiny else 0, rounds + 1):
            for task in tasks[:1] if tiny or turn == 0 else tasks:
                for peer in peers:
                    if has(peer, model) and (not tiny or model in TINY_PEERS[peer]):
                        yield Job(model, peer, task, turn)


def run(job: Job, settings: Settings) -> dict[str, Any]:
    """The figures of one process.

    Raises:
      PeerFailed: it ended with an error, or took too long.
    """
    start = time.perf_counter()
    try:
        done = subprocess.run(
            command(job, settings),
            env=environment(job, settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=settings.timeout,
        )
    except subprocess.TimeoutExpired:
        raise PeerFailed(f"stopped after {settings.timeout:g} s") from None
    total = time.perf_counter() - start
    if done.returncode or not done.stdout.strip():
        raise PeerFailed(_reason(done.stderr, done.returncode))
    figures = json.loads(done.stdout.splitlines()[-1])
    return {**job._asdict(), **figures, **({"total_s": total} if job.task == "train" else {})}


def command(job: Job, settings: Settings) -> list[str]:
    """The command line of a job."""
    model = MODELS[job.model]
    options = {
        "peer": job.peer,
        "model": job.model,
        "optimizer": model.optimizer,
        "batch-size": model.batch_size,
        "epochs": settings.epochs if job.turn else 1,
    }
    if settings.tiny:
        options |= {"depth": TINY_DEPTH, "batch-size": TINY_BATCH}
    words = [sys.executable, str(SCRIPTS / PEERS[job.peer].script)]
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    return words + (["--first-step"] if job.task == "first step" else [])


def environment(job: Job, settings: Settings) -> dict[str, str]:
    """The environment of a job. The first step is measured without programs from earlier runs."""
    found = dict(os.environ)
    found |= {"TF_CPP_MIN_LOG_LEVEL": "3", "JKERAS_HOME": str(settings.cache)}
    found["BENCH_DATA"] = str(settings.data)
    if settings.cold or job.task == "first step":
        found["JKERAS_COMPILATION_CACHE"] = "0"
        found.pop("JAX_COMPILATION_CACHE_DIR", None)
    if settings.tiny:
        plain = "--xla_backend_optimization_level=0"
        found["XLA_FLAGS"] = f"{found.get('XLA_FLAGS', '')} {plain}".strip()
    return found


def measure(
    todo: Iterator[Job], settings: Settings, results: Results, say: Callable[[str], None]
) -> Iterator[None]:
    """Runs every job and keeps what it finds; a peer that fails is left alone from then on.

    Yields after each job, so that the results can be written as they come.
    """
    for job in todo:
        name = f"{job.model} {job.peer}"
        if name in results.failures:
            continue
        try:
            found = run(job, settings)
        except PeerFailed as failure:
            results.failures[name] = str(failure)
            say(f"{name}: failed, {failure}")
        else:
            if job.turn:
                results.runs.append(found)
            say(f"{name}, {_turn(job)}: {_shown(found)}")
        yield


def _turn(job: Job) -> str:
    return f"turn {job.turn}" if job.turn else "warming up"


def _shown(found: dict[str, Any]) -> str:
    if "first_step_s" in found:
        return f"first step {found['first_step_s']:.2f} s"
    return f"epoch {found['epoch_s']:.2f} s, whole script {found['total_s']:.1f} s"


def _reason(stderr: str, code: int) -> str:
    """The line that says what went wrong: an error's name and its message."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    named = [line for line in lines if line.split(":")[0].split(".")[-1].endswith("Error")]
    return (named or lines or [f"exit status {code}"])[-1][:200]
