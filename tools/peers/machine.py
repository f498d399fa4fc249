"""Say on what machine something was measured."""

import os
import platform
import sys
from pathlib import Path


def processor():
    """The model of the CPU."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def caches():
    """The caches of the first core, such as `L2 1024K`; none where the system does not say."""
    found = []
    for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (cache / name).read_text().strip() for name in ("level", "type", "size")
        )
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return found


def cores():
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def system():
    """The operating system and what it runs on."""
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (AttributeError, KeyError, OSError):  # before Python 3.10; not Linux
        name = f"{platform.system()} {platform.release()}"
    return f"{name}, {platform.machine()}"


def load():
    """The load average of the last minute, or None where the system has none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def describe():
    """Everything above, by name."""
    return {
        "cpu": processor(),
        "cores": cores(),
        "caches": caches(),
        "os": system(),
        "python": platform.python_version(),
        "load_before": load(),
    }


def sentence(machine, versions):
    """One line of it, with the versions {name: version} of what was measured."""
    busy = "unknown" if machine["load_before"] is None else f"{machine['load_before']:.2f}"
    parts = [
        f"{machine['cpu']}, {machine['cores']} cores",
        ", ".join(machine["caches"]) or "caches unknown",
        machine["os"],
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        f"load average before {busy}",
    ]
    return "; ".join(parts)


def warn_if_busy(machine):
    """Says on standard error that other work will disturb the timings."""
    if (machine["load_before"] or 0) > 0.3:
        print(
            f"note: load average {machine['load_before']:.2f} before the start: "
            "repeat on a quiet machine before you cite these times",
            file=sys.stderr,
        )
