"""Damaged and hostile files for every reader: each is a clean error or a right answer.

    python -m tests.saving.fuzz                   20,000 inputs, by kind
    python -m tests.saving.fuzz --inputs 500      fewer

Real files of each format are damaged: cut off, bytes changed, ranges removed, doubled, swapped or
filled, numbers in headers made huge, entries renamed, archives made to unpack to gigabytes. A
reader may raise one of the errors it documents, which has to name the file; or it may return what
the file says: for formats with a checksum what was written, to the bit, else arrays of the model's
names, shapes and dtypes. Anything else is a failure, and so are more than `MOST_BYTES` of memory
beyond the file, and more than `MOST_SECONDS` of work.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import random
import struct
import tempfile
import time
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

import jkeras
from jkeras import layers, saving
from jkeras.data import archives
from jkeras.saving import checkpoint_file, runs

MOST_BYTES = 64 << 20
MOST_SECONDS = 5.0
ERRORS = (ValueError, archives.DatasetError, FileNotFoundError)


class Format(NamedTuple):
    """A kind of file.

    Attributes:
      name: shown in the table; the ending of its files.
      content: a right file.
      read: from a path to what is in it.
      is_right: whether that is a right answer, too.
      share: of all inputs, in parts.
    """

    name: str
    content: bytes
    read: Callable[[Path], Any]
    is_right: Callable[[Any], bool]
    share: int


# -- the right files


def small_model(seed: int = 0) -> Any:
    """A model with weights of several ranks and a state."""
    stack = [
        layers.Input((6, 6, 1)),
        layers.Conv2D(2, 3),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]
    model = jkeras.Sequential(stack, seed=seed)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.build()
    return model


def formats(folder: Path) -> list[Format]:
    """Every kind of file that the package reads."""
    model, other = small_model(), small_model(1)
    weights = bits(model)
    shapes = [(leaf.shape, leaf.dtype) for leaf in leaves(model)]

    def written(name: str, write: Callable[[Path], Any]) -> bytes:
        path = folder / name
        write(path)
        return path.read_bytes()

    def loaded(path: Path) -> Any:
        before = bits(other)
        try:
            other.load_weights(path)
        except BaseException:
            assert bits(other) == before, "changed by a bad file"
            raise
        return other

    def same(found: Any) -> bool:
        return bits(found) == weights

    def alike(found: Any) -> bool:
        return [(leaf.shape, leaf.dtype) for leaf in leaves(found)] == shapes

    value = {"format": runs.FORMAT, "run": None, "callbacks": [], "values": {"a": np.arange(9.0)}}
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4), np.uint8)
    return [
        Format(
            ".safetensors",
            written("a.safetensors", model.save_weights),
            loaded,
            alike,
            4,
        ),
        Format(".msgpack", written("a.msgpack", model.save_weights), loaded, same, 4),
        Format(
            "run",
            written("run.safetensors", lambda path: checkpoint_file.write_checkpoint(path, value)),
            runs.read,
            lambda found: equal({**found, "source": ""}, {**value, "source": ""}),
            3,
        ),
        Format(
            "checkpoint",
            written("c.safetensors", lambda p: checkpoint_file.write_checkpoint(p, value)),
            checkpoint_file.read_checkpoint,
            lambda found: equal(found, value),
            2,
        ),
        Format(".weights.h5", written("a.weights.h5", model.save_weights), loaded, alike, 4),
        Format(".keras", written("a.keras", model.save), saving.load_model, readable, 1),
        Format(
            ".idx.gz",
            gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 9, 4, 4) + images.tobytes()),
            archives.read_idx,
            lambda found: np.array_equal(found, images),
            2,
        ),
        Format(
            ".npz",
            written("a.npz", lambda path: np.savez_compressed(path, images=images)),
            lambda path: archives.read_npz(path, {"images": images.shape})["images"],
            lambda found: np.array_equal(found, images),
            2,
        ),
    ]


def leaves(model: Any) -> list[np.ndarray]:
    """All weights of a model."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves((model.params, model.state))]


def bits(model: Any) -> list[bytes]:
    """The bytes of all weights of a model."""
    return [leaf.tobytes() for leaf in leaves(model)]


def readable(model: Any) -> bool:
    """Whether it is a model: its file may say anything that makes one."""
    return isinstance(model, jkeras.trainer.Trainer) and (not model.built or bool(bits(model)))


def equal(one: Any, other: Any) -> bool:
    """Whether two nested values are the same, to the bit."""
    if jax.tree.structure(one) != jax.tree.structure(other):
        return False
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


# -- the damage


def damaged(content: bytes, rng: random.Random) -> bytes:
    """One right file, with one to three kinds of damage."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        content = rng.choice(DAMAGE)(content, rng)
    return content


def _place(content: bytes, rng: random.Random) -> int:
    """A place in a file, often near its beginning or its end, where headers are."""
    most = max(len(content) - 1, 0)
    kind = rng.random()
    if kind < 0.4:
        return rng.randint(0, min(most, 400))
    return max(most - rng.randint(0, 400), 0) if kind < 0.6 else rng.randint(0, most)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: _place(content, rng)]


def _flip(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content or b"\0")
    for _ in range(rng.choice([1, 1, 2, 8])):
        changed[_place(changed, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(content: bytes, rng: random.Random) -> bytes:
    """Numbers that mean too much: sizes, counts, offsets."""
    at = _place(content, rng)
    number = rng.choice(
        [0, 1, 0x7F, 0xFF, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]
    )
    form = rng.choice(["<Q", ">Q", "<I", ">I", "<H", "<B"])
    raw = struct.pack(form, number % 256 ** struct.calcsize(form))
    return content[:at] + raw + content[at + len(raw) :]


def _remove(content: bytes, rng: random.Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + content[at + rng.choice([1, 2, 8, 100]) :]


def _double(content: bytes, rng: random.Random) -> bytes:
    at = _place(content, rng)
    part = content[at : at + rng.choice([1, 8, 64, 512])]
    return content[:at] + part * rng.choice([1, 2, 50]) + content[at:]


def _digits(content: bytes, rng: random.Random) -> bytes:
    """A number in a text, such as a shape in JSON, made another."""
    places = [i for i, byte in enumerate(content[:20000]) if 48 <= byte <= 57]
    if not places:
        return _flip(content, rng)
    at = rng.choice(places)
    new = rng.choice([b"0", b"-1", b"9", b"99999999999", b"1e9", b"[[[[", b'"x"', b"NaN"])
    return content[:at] + new + content[at + 1 :]


def _text(content: bytes, rng: random.Random) -> bytes:
    """A word put among the others."""
    at = _place(content, rng)
    word = rng.choice([b'"', b"{", b"]", b"\0", b"../../x", b"/etc/passwd", b"\xff\xfe", b"F64"])
    return content[:at] + word + content[at + rng.choice([0, len(word)]) :]


DAMAGE = (_cut, _flip, _flip, _overwrite, _overwrite, _remove, _double, _digits, _text)


def archives_of(content: bytes, rng: random.Random) -> bytes:
    """A `.keras` file with one member changed, made to unpack to gigabytes, renamed, or added."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(members))
    kind = rng.randrange(6)
    if kind < 3:
        members[name] = damaged(members[name], rng)
    elif kind == 3:
        members[name] = b"\0" * (rng.choice([10, 80]) << 20)
    elif kind == 4:
        names = ["../x.py", "/etc/x", "a/../../b", "model.weights.h5/", "x" * 999]
        members[rng.choice(names)] = b"1"
    else:
        members.pop(name)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return packed.getvalue()


def configs_of(content: bytes, rng: random.Random) -> bytes:
    """A `.keras` file whose configuration says something else."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    places = list(_places(config))
    for _ in range(rng.choice([1, 1, 2])):
        holder, key = rng.choice(places)
        holder[key] = rng.choice(
            [None, -1, 0, 10**12, 1e308, "x" * 50, "os.system", [], {}, [10**9] * 3, True, "Lambda",
             {"class_name": "Dense", "config": {"units": 10**10}, "module": "os"}]
        )  # fmt: skip
    members["config.json"] = json.dumps(config).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return packed.getvalue()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every holder and key in nested dicts and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        yield value, key
        if isinstance(part, dict | list):
            yield from _places(part)


# -- the trial


class Found(NamedTuple):
    """What came of one input: "error", "right", or what was wrong."""

    verdict: str
    seconds: float
    bytes: int


def trial(kind: Format, content: bytes, path: Path) -> Found:
    """Reads one input, and judges."""
    path.write_bytes(content)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    began = time.thread_time()
    try:
        verdict = "right" if kind.is_right(kind.read(path)) else "a wrong answer"
    except ERRORS as error:
        named = path.name in str(error)
        verdict = "error" if named else f"an error that does not name the file: {error}"
    except BaseException as error:  # whatever else it is, it is a failure of the reader
        if isinstance(error, KeyboardInterrupt):
            raise
        verdict = f"{type(error).__name__}: {error}"
    seconds = time.thread_time() - began
    peak = tracemalloc.get_traced_memory()[1] - before
    if seconds > MOST_SECONDS:
        verdict = f"it took {seconds:.0f} s"
    if peak > MOST_BYTES + 8 * len(content):
        verdict = f"it took {peak >> 20} MB for {len(content)} bytes"
    return Found(verdict, seconds, peak)


def inputs_of(kind: Format, count: int, seed: int) -> Iterator[bytes]:
    """So many damaged files of a kind, always the same ones."""
    rng = random.Random(f"{kind.name} {seed}")
    for _ in range(count):
        if kind.name == ".keras" and rng.random() < 0.8:
            yield rng.choice([archives_of, configs_of])(kind.content, rng)
        else:
            yield damaged(kind.content, rng)


def run(count: int, seed: int = 0) -> tuple[dict[str, Counter[str]], list[tuple[str, str, bytes]]]:
    """Tries so many inputs.

    Returns:
      Per kind of file how many came to which verdict; and of each failure the kind, the verdict and
      the input.
    """
    verdicts: dict[str, Counter[str]] = {}
    failures: list[tuple[str, str, bytes]] = []
    tracemalloc.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            kinds = formats(folder)
            parts = sum(kind.share for kind in kinds)
            for kind in kinds:
                found = verdicts.setdefault(kind.name, Counter())
                path = folder / f"fuzz{kind.name if kind.name.startswith('.') else '.safetensors'}"
                assert trial(kind, kind.content, path).verdict == "right", kind.name
                for content in inputs_of(kind, -(-count * kind.share // parts), seed):
                    verdict = trial(kind, content, path).verdict
                    is_fine = verdict in ("error", "right")
                    found[verdict if is_fine else "failure"] += 1
                    if not is_fine:
                        failures.append((kind.name, verdict, content))
    finally:
        tracemalloc.stop()
    return verdicts, failures


def main() -> None:
    parser = argparse.ArgumentParser(description="Reads damaged and hostile files.")
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for the inputs that failed")
    options = parser.parse_args()
    began = time.perf_counter()
    verdicts, failures = run(options.inputs, options.seed)
    print("| file | inputs | clean errors | right answers | failures |")
    print("|---|---|---|---|---|")
    for name, found in verdicts.items():
        counts = (found.total(), found["error"], found["right"], found["failure"])
        print("| " + " | ".join([name, *map(str, counts)]) + " |")
    print(f"{time.perf_counter() - began:.0f} s")
    for number, (name, verdict, content) in enumerate(failures):
        print(f"{name}: {verdict[:300]}")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{number}{name}").write_bytes(content)
    if failures:
        raise SystemExit(f"{len(failures)} failures")


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    main()
