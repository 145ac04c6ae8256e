"""What `initialize` reads and refuses, and a process alone."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from jkeras.core.global_arrays import local, on_host, put
from jkeras.core.processes import ALONE, follows, team_of
from jkeras.distribution import devices, initialize
from jkeras.trainer.preflight.agreement import MOST, checksum


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What JAX would be started with."""
    found: list[Any] = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *args, **kw: found.append((args, kw)))
    monkeypatch.setattr(devices.process_watch, "watch", lambda: None)
    monkeypatch.setattr(devices.keys, "set_default_seed", lambda seed: None)
    return found


def test_addresses_come_from_arguments(started: list[Any]) -> None:
    initialize("10.0.0.1:1234,10.0.0.2:1234", process_id=1, timeout=30)
    seconds = {"heartbeat_timeout_seconds": 30, "shutdown_timeout_seconds": 30}
    assert started == [(("10.0.0.1:1234", 2, 1), seconds)]


@pytest.mark.parametrize("prefix", devices.PREFIXES)
def test_addresses_come_from_the_environment(
    started: list[Any], monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    monkeypatch.setenv(prefix + "JOB_ADDRESSES", "10.0.0.1:1234")
    monkeypatch.setenv(prefix + "NUM_PROCESSES", "3")
    monkeypatch.setenv(prefix + "PROCESS_ID", "2")
    initialize()
    assert started[0][0] == ("10.0.0.1:1234", 3, 2)
    initialize(process_id=0)  # an argument goes before
    assert started[1][0] == ("10.0.0.1:1234", 3, 0)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an address without a port": (
        {"job_addresses": "10.0.0.1"},
        r"initialize: `job_addresses`: expected a host and a port, such as '10\.0\.0\.1:1234', "
        r"got '10\.0\.0\.1'",
    ),
    "another number of addresses": (
        {"job_addresses": "a:1,b:1", "num_processes": 3},
        r"`num_processes`: expected 2, one for each of `job_addresses`, got 3",
    ),
    "a number behind the last process": (
        {"job_addresses": "a:1", "num_processes": 2, "process_id": 2},
        r"`process_id`: expected a number from 0 to 1, got 2",
    ),
    "a time-out that is none": (
        {"job_addresses": "a:1", "num_processes": 2, "process_id": 0, "timeout": "long"},
        r"initialize: `timeout`: expected seconds, more than 0, got 'long' \(str\)",
    ),
    "no number": ({"num_processes": "two"}, r"`num_processes`: expected a whole number .*'two'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_named(started: list[Any], case: str) -> None:
    arguments, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        initialize(**arguments)
    assert started == []


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: Any, **kwargs: Any) -> None:
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(jax.distributed, "initialize", missing)
    with pytest.raises(ValueError, match=r"environment \(JKERAS_DISTRIB.*One process alone needs"):
        initialize()


def test_a_process_alone_sends_nothing() -> None:
    assert team_of((0,)) is ALONE and ALONE.is_first
    assert ALONE.led(3) == 3 and ALONE.heard(True) and not ALONE.heard(False)
    ALONE.agree("fit", {"x": 1}, {})
    with ALONE.quiet():
        assert not follows()


def test_arrays_of_one_process() -> None:
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    array = put(np.arange(3.0, dtype="float32"), place)
    assert local(array) is array
    np.testing.assert_array_equal(on_host(array), [0, 1, 2])


def test_a_checksum_looks_at_pieces_of_large_arrays() -> None:
    array = np.zeros((MOST // 1024 + 1, 1024), np.uint8)
    before = checksum(array)
    array[-1, -1] = 1
    assert checksum(array) != before
