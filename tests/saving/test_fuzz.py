"""Damaged and hostile files, a few hundred of them; `python -m tests.saving.fuzz` tries 20,000."""

import random

from tests.saving import fuzz


def test_no_reader_is_fooled() -> None:
    verdicts, failures = fuzz.run(240, seed=1)
    assert [(name, verdict) for name, verdict, _ in failures] == []
    assert {name for name, found in verdicts.items() if found["error"]} == set(verdicts)
    assert sum(sum(found.values()) for found in verdicts.values()) >= 240


def test_the_judge_hears_of_every_fault(tmp_path) -> None:
    faults = {
        "a wrong answer": lambda path: 1,
        "KeyError: 'x'": lambda path: {}["x"],
        "an error that does not name the file: no": lambda path: int("no" if path else 1),
    }
    for expected, read in faults.items():
        kind = fuzz.Format("kind", b"right", read, lambda found: found == 0, 1)
        verdict = fuzz.trial(kind, b"x", tmp_path / "file").verdict
        assert verdict.startswith(expected.partition(":")[0])


def test_damage_is_repeatable_and_changes_files() -> None:
    content = bytes(range(256)) * 8
    one, two = (
        [fuzz.damaged(content, random.Random(seed)) for seed in range(50)] for _ in range(2)
    )
    assert one == two
    assert sum(changed != content for changed in one) > 45
