"""Killing training at random moments, and comparing the end with a run that nobody killed.

    python experiments/faults/kill.py                  200 kills
    python experiments/faults/kill.py --kills 20 --peers jkeras keras
    python experiments/faults/kill.py --tiny           two kills of one short job

Each trial trains a network in a process of its own (`jobs/train.py`) that saves every few steps
with `BackupAndRestore`, kills it with SIGKILL at a random moment, one time in five from its start
on, else after its first backup, and starts it again, until one comes to its end. What that one
ends with, every weight, slot of the optimizer, metric, line of the history and what the callbacks
remember, is compared bit for bit with the end of a run that was not killed. The four jobs are an
MLP and a CNN, from arrays and from a generator, with dropout, batch normalization, shuffling,
early stopping and a falling learning rate.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

JOB = Path(__file__).parent / "jobs" / "train.py"
JOBS = ("mlp-resident", "mlp-streaming", "cnn-resident", "cnn-streaming")


class Trial(NamedTuple):
    """What came of one run that was killed until it came to its end.

    Attributes:
      job: which one.
      kills: how often it was killed.
      resumed: how many of its starts went on from a backup.
      equal: whether its end is that of the run that was not killed; it is not, either, where a
        start could not go on.
    """

    job: str
    kills: int
    resumed: int
    equal: bool


class Failed(Exception):
    """A start ended with an error."""


class Runner:
    """Starts jobs in a folder, and kills them.

    Args:
      library: "jkeras" or "keras".
      home: a folder for backups, results and compiled programs.
      tiny: whether the jobs are short.
    """

    def __init__(self, library: str, home: Path, tiny: bool) -> None:
        self.library = library
        self.home = home
        self.tiny = tiny
        own = {"JKERAS_HOME": str(home / "cache"), "KERAS_BACKEND": "jax"}
        self._env = {**os.environ, **own, "JAX_COMPILATION_CACHE_DIR": str(home / "programs")}

    def start(self, job: str, folder: Path) -> subprocess.Popen[bytes]:
        """The process of a job whose backups and result lie in a folder."""
        words = [sys.executable, str(JOB), job, str(folder), "--library", self.library]
        words += ["--tiny"] if self.tiny else []
        with open(folder / "log.txt", "ab") as log:
            return subprocess.Popen(words, env=self._env, stdout=log, stderr=log)

    def whole(self, job: str) -> tuple[dict[str, str], float]:
        """The end of a run that nobody kills, and how many seconds it takes from its first backup
        on, its programs compiled before.
        """
        folder = self.home / f"{self.library}-{job}-whole"
        folder.mkdir()
        seconds = 0.0
        for _ in range(1 if self.tiny else 2):
            process = self.start(job, folder)
            wait_for_backup(process, folder)
            began = time.perf_counter()
            self.finished(process, folder)
            seconds = time.perf_counter() - began
        return result(folder), seconds

    def finished(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        """Waits for a process that has to end by itself."""
        if process.wait():
            raise Failed(f"{self.library}: {(folder / 'log.txt').read_text()}")

    def killed(self, job: str, folder: Path, number: int, seconds: float, most: int) -> int:
        """Starts a job again and again until it ends; kills it at most `most` times, each within
        so many seconds, and returns how often.
        """
        moments = random.Random(number)
        for kills in range(most):
            process = self.start(job, folder)
            if self.tiny or moments.random() < 0.8:
                wait_for_backup(process, folder)
            try:
                process.wait(moments.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
            else:
                self.finished(process, folder)
                return kills
        self.finished(self.start(job, folder), folder)
        return most


def wait_for_backup(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Waits until a process has begun to train, which its backups tell, or has ended."""
    before = newest(folder)
    while process.poll() is None and newest(folder) == before:
        time.sleep(0.005)


def newest(folder: Path) -> list[tuple[str, int]]:
    """The files of a backup, and when they were written."""
    files = sorted((folder / "backup").glob("[!.]*")) if (folder / "backup").is_dir() else []
    with contextlib.suppress(FileNotFoundError):  # replaced meanwhile: it will be asked again
        return [(file.name, file.stat().st_mtime_ns) for file in files]
    return []


def result(folder: Path) -> dict[str, str]:
    """What a job left at its end."""
    loaded: dict[str, str] = json.loads((folder / "result.json").read_text())
    return loaded


def resumed(folder: Path) -> int:
    """How often a run went on from a backup: the job writes a line."""
    return (folder / "log.txt").read_text(errors="replace").count("going on from a backup")


def trials(runner: Runner, kills: int, side_by_side: int) -> Iterator[Trial]:
    """Trials over all jobs until there were so many kills.

    Args:
      runner: starts them.
      kills: how many.
      side_by_side: trials at a time.
    """
    jobs = JOBS[1:2] if runner.tiny else JOBS
    ends = {job: runner.whole(job) for job in jobs}

    def trial(number: int) -> Trial:
        job = jobs[number % len(jobs)]
        expected, seconds = ends[job]
        folder = runner.home / f"{runner.library}-{job}-{number}"
        folder.mkdir()
        most = 2 if runner.tiny else 4
        try:
            count = runner.killed(job, folder, number, seconds, most)
        except Failed as error:
            print(str(error).strip().splitlines()[-1], file=sys.stderr)
            return Trial(job, most, resumed(folder), False)
        return Trial(job, count, resumed(folder), result(folder) == expected)

    done, number, together = 0, 0, 1 if runner.tiny else side_by_side
    with ThreadPoolExecutor(together) as pool:
        while done < kills:
            turn = list(pool.map(trial, range(number, number + together)))
            number += together
            done += sum(trial.kills for trial in turn)
            yield from turn


def report(library: str, found: Sequence[Trial]) -> str:
    """The trials of a library as lines of a table."""
    lines = []
    for job in (*JOBS, "all"):
        of_job = [trial for trial in found if job in ("all", trial.job)]
        equal = sum(trial.equal for trial in of_job)
        kills, went_on = sum(t.kills for t in of_job), sum(t.resumed for t in of_job)
        of_all = f"{equal} of {len(of_job)}"
        lines.append(f"| {library} | {job} | {kills} | {went_on} | {len(of_job)} | {of_all} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Kills training, resumes it, compares the end.")
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs in all")
    parser.add_argument("--peers", nargs="+", default=["jkeras"], choices=["jkeras", "keras"])
    parser.add_argument("--side-by-side", type=int, default=2, help="trials at a time")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder of the report")
    parser.add_argument("--tiny", action="store_true", help="two kills of one short job")
    options = parser.parse_args(arguments)
    kills = 2 if options.tiny else options.kills
    print("| library | job | kills | starts that went on | runs | equal to the bit |")
    print("|---|---|---|---|---|---|")
    failed = False
    options.output.mkdir(parents=True, exist_ok=True)
    for library in options.peers:
        with tempfile.TemporaryDirectory() as home:
            runner = Runner(library, Path(home), options.tiny)
            found = list(trials(runner, kills, options.side_by_side))
        print(report(library, found), flush=True)
        path = options.output / f"kill_{library}.json"
        path.write_text(json.dumps([trial._asdict() for trial in found], indent=1))
        failed |= library == "jkeras" and not all(trial.equal for trial in found)
    if failed:
        raise SystemExit("A run that was killed and resumed did not end as the one that was not.")


if __name__ == "__main__":
    main()
