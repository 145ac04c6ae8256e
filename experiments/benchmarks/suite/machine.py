"""The machine and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

PACKAGES = (
    *("jkeras", "jax", "flax", "optax", "numpy"),
    *("keras", "tensorflow", "tensorflow-cpu", "torch"),
)


def describe() -> dict[str, str]:
    """Processor, cores, memory, Python, and the version of each package that is installed."""
    found = {
        "cpu": _processor(),
        "cores": str(_cores()),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {name: value for name, value in found.items() if value}


def line(machine: dict[str, str], devices: list[str]) -> str:
    """One sentence for the top of a report.

    Args:
      machine: what `describe` returned.
      devices: what the peers computed on.
    """
    rest = dict(machine)
    cores, memory = rest.pop("cores"), rest.pop("memory", "")
    parts = [rest.pop("cpu", ""), f"{cores} cores", memory, rest.pop("system")]
    parts += [device for device in devices if device != "cpu"]
    versions = [f"{name} {version}" for name, version in rest.items()]
    return ", ".join([part for part in parts if part] + versions) + "."


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory() -> str:
    """The machine's memory, where the system tells it."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return ""
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / 2**30:.0f} GB"
