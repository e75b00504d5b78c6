"""Given a store that cannot be written: the daemon stays up, says so, decides nothing, and goes on afterwards."""

import contextlib
import sqlite3
import subprocess
import time

from tests.scenarios.scene import Scene


def decides_nothing_and_says_so(scene, words, *, freed):
    scene.world.fault("mailgun", "down")

    def told():
        return next((p for p in scene.status()["problems"] if words in p), None)

    problem = scene.until(told, 40, "status tells that facts cannot be recorded")
    assert problem.startswith("Facts cannot be recorded, so nothing is decided: ")
    assert "facts cannot be recorded" in scene.log()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        assert scene.active() == "mailgun", scene.report()
        time.sleep(0.25)
    assert scene.daemon.poll() is None
    assert scene.carrier(scene.world.send()) == "sendgrid", "Postfix itself goes on to the next provider"

    freed()
    scene.until(lambda: not told(), 40, "facts are recorded again")
    assert scene.leaves("mailgun", within=30) == "sendgrid"
    assert scene.last_move()["reason"].startswith("mailgun refuses mail: ")


def test_a_locked_store(scene):
    store = scene.world.directory / "state" / "relaypilot.sqlite"
    with contextlib.closing(sqlite3.connect(store, timeout=20, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        decides_nothing_and_says_so(scene, "another process has held it", freed=lambda: other.execute("ROLLBACK"))


def test_a_full_disk():
    with Scene.temporary(started=False) as scene:
        state = scene.world.directory / "state"
        state.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "tmpfs", state], check=True)
        try:
            scene.start_helper()
            scene.start_daemon()
            scene.take_over()
            filler = state / "filler"
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(b"x" * 4096):
                    pass
            decides_nothing_and_says_so(scene, "no space", freed=filler.unlink)
        finally:
            scene.daemon.stop()
            subprocess.run(["umount", state], check=True)
