"""Runs Keras's own unit tests against jkeras and prints what became of them.

    python -m tests.keras_suite                    the table
    python -m tests.keras_suite losses metrics     and every failing test of some families
    python -m tests.keras_suite layers --files dense    only some of its test files
    python -m tests.keras_suite ops --tests "*FFT*"     only some of its tests
    python -m tests.keras_suite --json             everything, for a program to read

Run it from the project's root, where Keras 3.15.1 is installed; Keras itself is not imported.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from collections import Counter

os.environ["JAX_PLATFORMS"] = "cpu"
# Nearly all of the time is compilation of small programs; without LLVM's optimizations and XLA's
# fusions of its own it takes half as long.
os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"

from tests.keras_suite import alias
from tests.keras_suite.exclusions import reason
from tests.keras_suite.exclusions.reasons import NOT_COUNTED
from tests.keras_suite.families import FAMILIES, WITH_STANDINS, Outcome, outcome_of


def main() -> None:
    """Parses the words of the command, runs the families, prints."""
    parser = argparse.ArgumentParser(prog="python -m tests.keras_suite")
    parser.add_argument("family", nargs="*", choices=[*FAMILIES, []], help="all when left out")
    parser.add_argument("--files", default="", help="only files whose path contains these letters")
    parser.add_argument("--tests", default="*", help="only tests whose Class.name matches this")
    parser.add_argument(
        "--whole", action="store_true", help="every test, not a part of the large families"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    arguments = parser.parse_args()
    folder = alias.keras_folder()
    if folder is None:
        raise SystemExit("Keras is not installed: pip install keras==3.15.1")
    names = arguments.family or list(FAMILIES)
    if len(names) == 1:
        alias.install(
            folder, alias.PARTS_WITH_STANDINS if names[0] in WITH_STANDINS else alias.PARTS
        )
        part, tests, whole = arguments.files, arguments.tests, arguments.whole
        found = {names[0]: outcome_of(folder, names[0], part, tests, whole=whole)}
    else:
        found = {name: run_in_a_process(name) for name in names}
    if arguments.json:
        print(json.dumps({name: dataclasses.asdict(each) for name, each in found.items()}))
        return
    print(table(found))
    for name in arguments.family:
        for test, words in found[name].failed.items():
            print(f"{name}: {test}\n    {words}\n    {reason(name, test) or 'NOT EXCLUDED'}")


def run_in_a_process(family: str) -> Outcome:
    """The outcome of a family, whose tests run in a process of their own."""
    command = [sys.executable, "-m", "tests.keras_suite", family, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{family}: {done.stderr[-2000:]}")
    return Outcome(**json.loads(done.stdout)[family])


def table(found: dict[str, Outcome]) -> str:
    """The outcomes as a table in Markdown, and a list of the reasons below it."""
    lines = ["| family | run | passed | excluded | failed |", "|---|---|---|---|---|"]
    reasons: Counter[str] = Counter()
    for name, outcome in found.items():
        words = [reason(name, test) for test in outcome.failed]
        excluded = [each for each in words if each]
        reasons.update(excluded)
        numbers = (outcome.run, len(outcome.passed), len(excluded), len(words) - len(excluded))
        lines.append(f"| {name} | {' | '.join(map(str, numbers))} |")
    lines += ["", "Excluded:", ""]
    for words, number in reasons.most_common():
        lines.append(f"- {number}{' (not counted)' * (words in NOT_COUNTED)}: {words}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
