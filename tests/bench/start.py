"""How long the commands take to start, beside an interpreter that does nothing."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from deploy.sandbox.world import World
from tests.bench.figure import Figure
from tests.bench.waiting import until

PROGRAMS = Path(sys.executable).parent


def measure(repetitions=15):
    with World.temporary(seeds=["gmail-1"], session_interval="60s", round_interval="3600s") as world:
        world.start_helper()
        world.start_daemon()
        until(lambda: world.command("status").returncode == 0, 30, "the daemon answers")
        config = ["--config", str(world.config_path)]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "failover --help": [str(PROGRAMS / "failover"), "--help"],
            "relaypilot status": [str(PROGRAMS / "relaypilot"), "status", *config],
        }
        times = {name: [] for name in commands}
        for _ in range(repetitions):
            for name, command in commands.items():
                begun = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                times[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    bare = medians.pop("python -c pass")
    return [
        Figure(
            name=f"start of {name}",
            value=seconds * 1000,
            unit="ms",
            conditions=f"{seconds / bare:.1f} times `python -c pass` ({bare * 1000:.0f} ms); median of {repetitions} "
            "alternating repetitions" + (", with an answer of the daemon" if "status" in name else ""),
        )
        for name, seconds in medians.items()
    ]
