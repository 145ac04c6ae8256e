"""The devices that programs can run on, by Keras's names for them, and several processes as one."""

from __future__ import annotations

import difflib
import os
import secrets

import jax

from jkeras.core import keys, process_watch
from jkeras.core.errors import describe, named_arguments, type_error, value_error
from jkeras.core.processes import team_of

ADDRESSES = "JOB_ADDRESSES"
PROCESSES = "NUM_PROCESSES"
PROCESS = "PROCESS_ID"
PREFIXES = ("JKERAS_DISTRIBUTION_", "KERAS_DISTRIBUTION_")
"""Environment variables that `initialize` reads are one of these and a word above."""


@named_arguments
def list_devices(device_type: str | None = None) -> list[str]:
    """The devices of all processes, such as `["gpu:0", "gpu:1"]`.

    Args:
      device_type: "cpu", "gpu" or "tpu"; left out, the kind that JAX computes on.

    Raises:
      ValueError: there is no device of this kind.

    Source: `keras.distribution.list_devices`.
    """
    return [name_of(device) for device in _devices("list_devices", device_type)]


@named_arguments
def get_device_count(device_type: str | None = None) -> int:
    """The number of devices of all processes; arguments and errors: see `list_devices`.

    Source: `keras.distribution.get_device_count`.
    """
    return len(_devices("get_device_count", device_type))


def name_of(device: jax.Device) -> str:
    """Keras's name of a device: `"gpu:1"`."""
    return f"{device.platform}:{device.id}"


def device_of(who: str, given: object) -> jax.Device:
    """A device from its name; a device of JAX as it is.

    Raises:
      TypeError: it is neither.
      ValueError: no device has this name.
    """
    if isinstance(given, jax.Device):
        return given
    if not isinstance(given, str):
        expected = "a device such as 'cpu:0'"
        raise type_error(who=who, argument="devices", expected=expected, got=describe(given))
    kind, _, number = given.lower().partition(":")
    try:
        found = jax.devices(kind)
    except RuntimeError:  # no device of this kind, which the message below says
        found = []
    known = {name_of(device): device for device in found or jax.devices()}
    wanted = f"{found[0].platform}:{number or 0}" if found else given
    if wanted not in known:
        near = difflib.get_close_matches(wanted, known, n=1)
        raise value_error(
            who=who,
            argument="devices",
            expected=f"devices of {_few(list(known))}",
            got=repr(given),
            fix=f"Did you mean {near[0]!r}?" if near else "",
        )
    return known[wanted]


@named_arguments
def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    timeout: float = 100,
) -> None:
    """Makes this process one of several that compute together. It comes before anything else that
    uses JAX; all processes call it. Models without a seed get equal ones on all of them.

    What is left out is read from the environment, `JKERAS_DISTRIBUTION_JOB_ADDRESSES`,
    `..._NUM_PROCESSES` and `..._PROCESS_ID` (Keras's names, without the J, too), and then found by
    JAX where a cluster tells it (Slurm, Open MPI, Cloud TPU, Kubernetes).

    Args:
      job_addresses: `"host:port"` of process 0; of a list with commas the first is taken.
      num_processes: the number of processes.
      process_id: the number of this one, from 0.
      timeout: seconds without a sign of life after which a process counts as gone, which ends the
        others.

    Raises:
      ValueError: the arguments contradict each other.
      RuntimeError: JAX has computed something before, or a process does not come.

    Source: `keras.distribution.initialize`, `jax.distributed.initialize`.
    """
    who = "initialize"
    if not (job_addresses is None or isinstance(job_addresses, str)):
        raise type_error(
            who=who,
            argument="job_addresses",
            expected="a host and a port, such as '10.0.0.1:1234'",
            got=describe(job_addresses),
            fix="Write several in one word, with commas between them.",
        )
    addresses = job_addresses or _from_environment(ADDRESSES)
    num_processes = _number(who, "num_processes", num_processes, PROCESSES)
    process_id = _number(who, "process_id", process_id, PROCESS)
    coordinator, num_processes = _coordinator(who, addresses, num_processes)
    if process_id is not None and num_processes is not None and process_id >= num_processes:
        raise value_error(
            who=who,
            argument="process_id",
            expected=f"a number from 0 to {num_processes - 1}",
            got=process_id,
        )
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
        expected = "seconds, more than 0"
        raise value_error(who=who, argument="timeout", expected=expected, got=describe(timeout))
    if jax.distributed.is_initialized():
        raise RuntimeError(f"{who}: this process is one of several already. Call it once.")
    seconds = max(int(timeout), 1)
    try:
        jax.distributed.initialize(
            *(coordinator, num_processes, process_id),
            heartbeat_timeout_seconds=seconds,
            shutdown_timeout_seconds=seconds,
        )
    except ValueError as error:  # something is missing, and no cluster tells it
        raise value_error(
            who=who,
            expected="`job_addresses`, `num_processes` and `process_id`, as arguments or in the "
            f"environment ({PREFIXES[0]}{ADDRESSES}, …)",
            got=f"{addresses!r}, {num_processes} and {process_id}",
            fix="One process alone needs no `initialize`; a cluster that JAX knows, such as Slurm, "
            f"tells them ({str(error).rstrip('.')}).",
        ) from None
    except RuntimeError as error:
        if "before any JAX calls" not in str(error):
            raise
        raise RuntimeError(
            f"{who}: expected to be called before anything else uses JAX, got a process in which "
            "something has. Call it first in the script: before list_devices(), models and arrays."
        ) from None
    process_watch.Watch.timeout = float(timeout)
    process_watch.watch()
    everyone = team_of(tuple(range(jax.process_count())))
    if not keys.has_default_seed():
        keys.set_default_seed(everyone.led(secrets.randbits(32)))


def _coordinator(
    who: str, addresses: str | None, num_processes: int | None
) -> tuple[str | None, int | None]:
    """The address of process 0, and the number of processes, from a list with commas.

    Raises:
      ValueError: it is no address, or the number is another.
    """
    listed = [part.strip() for part in (addresses or "").split(",") if part.strip()]
    for address in listed[:1]:
        if not address.rpartition(":")[0] or not address.rpartition(":")[2].isdecimal():
            raise value_error(
                who=who,
                argument="job_addresses",
                expected="a host and a port, such as '10.0.0.1:1234'",
                got=repr(address),
            )
    if len(listed) > 1 and num_processes not in (None, len(listed)):
        raise value_error(
            who=who,
            argument="num_processes",
            expected=f"{len(listed)}, one for each of `job_addresses`",
            got=num_processes,
        )
    return (
        listed[0] if listed else None,
        len(listed) if len(listed) > 1 else num_processes,
    )


def _devices(who: str, device_type: object) -> list[jax.Device]:
    if device_type is not None and not isinstance(device_type, str):
        expected = "a word such as 'cpu'"
        raise type_error(
            who=who, argument="device_type", expected=expected, got=describe(device_type)
        )
    try:
        return jax.devices(device_type.lower() if device_type else None)
    except RuntimeError:
        raise value_error(
            who=who,
            argument="device_type",
            expected=f"a kind of device that is there: {jax.devices()[0].platform!r}",
            got=repr(device_type),
        ) from None


def _from_environment(word: str) -> str | None:
    return next((os.environ[p + word] for p in PREFIXES if os.environ.get(p + word)), None)


def _number(who: str, argument: str, given: int | None, word: str) -> int | None:
    text = _from_environment(word) if given is None else given
    if text is None:
        return None
    try:
        number = int(text)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        expected = "a whole number of at least 0"
        raise value_error(who=who, argument=argument, expected=expected, got=repr(text))
    return number


def _few(names: list[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
