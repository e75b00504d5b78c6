"""One measured figure beside its goal, and how figures are shown."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured. Without a goal it is there to be watched."""

    name: str
    value: float
    unit: str  # "MB", "% of a core", "ratio", "s", "ms"
    goal: float | None = None  # the value is to stay below it
    conditions: str

    @property
    def verdict(self):
        if self.goal is None:
            return "no goal"
        return "met" if self.value < self.goal else "missed"


def as_text(figures, machine):
    lines = [f"machine: {', '.join(f'{key} {value}' for key, value in machine.items())}"]
    for figure in figures:
        goal = "" if figure.goal is None else f", goal under {figure.goal:g}"
        lines += [
            f"{figure.name}: {figure.value:.3g} {figure.unit}{goal}: {figure.verdict}",
            f"    {figure.conditions}",
        ]
    return "\n".join(lines)


def as_json(figures, machine):
    return json.dumps({"machine": machine, "figures": [asdict(f) | {"verdict": f.verdict} for f in figures]}, indent=2)


def machine():
    """Return what the figures depend on; the load says whether the machine was busy with something else."""
    with Path("/proc/cpuinfo").open() as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    with Path("/proc/meminfo").open() as file:
        total_kb = int(file.readline().split()[1])
    postfix = subprocess.run(["postconf", "-dh", "mail_version"], capture_output=True, text=True, check=True)
    return {
        "cores": os.cpu_count(),
        "processor": models[0] if models else platform.machine(),
        "memory_gb": round(total_kb / 1e6, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "postfix": postfix.stdout.strip(),
        "load_before": round(os.getloadavg()[0], 2),
    }
