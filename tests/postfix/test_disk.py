"""Disks that are full or read-only: the configuration stays as it was."""

import os
import shutil
from dataclasses import replace

import pytest

from service.decision.route import simple_route
from service.postfix.current import read_current
from service.postfix.errors import CannotWriteError
from tests.postfix.moving import assert_one_sentence, move


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KB."""
    place = tmp_path / "small"
    place.mkdir()
    if os.system(f"mount -t tmpfs -o size=256k,mode=755 tmpfs {place}") != 0:
        pytest.skip("cannot mount a small file system here")
    yield place
    os.system(f"umount {place}")


def fill(place):
    with (place / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def test_a_full_disk_under_the_configuration_is_left_alone(routed, small_disk):
    for name in ("main.cf", "master.cf"):
        shutil.copy2(routed.config_dir / name, small_disk / name)
    installation = replace(routed.installation, config_dir=small_disk, helper_dir=routed.root / "helper-small")
    fill(small_disk)
    before = {path: path.read_bytes() for path in small_disk.glob("*.cf")}
    with pytest.raises(CannotWriteError, match="No space left") as error:
        move(routed, "bravo", installation=installation)
    assert_one_sentence(error)
    assert {path: path.read_bytes() for path in small_disk.glob("*.cf")} == before
    assert sorted(path.name for path in small_disk.iterdir()) == ["filler", "main.cf", "master.cf"]


@pytest.mark.parametrize("step", ["snapshot", "stage", "intent", "record"])  # those that write
def test_a_disk_that_fills_up_at_a_step_leaves_the_route_old_or_new(routed, small_disk, step):
    helper = small_disk / "helper"
    shutil.copytree(routed.installation.helper_dir, helper)
    installation = replace(routed.installation, helper_dir=helper)
    before = routed.snapshot()

    def fill_now(seen, when):
        if (seen, when) == (step, "before"):
            fill(small_disk)

    try:
        move(routed, "bravo", installation=installation, observer=fill_now)
    except CannotWriteError as error:
        assert "No space left" in str(error)
        assert routed.snapshot() == before
    else:
        assert read_current(installation).route == simple_route("bravo")
    (small_disk / "filler").unlink()
    current = read_current(installation)
    assert (current.drift, current.interrupted) == ((), False)
    shutil.rmtree(routed.installation.helper_dir)
    shutil.copytree(helper, routed.installation.helper_dir)


def test_a_read_only_configuration_is_left_alone(routed):
    place = routed.config_dir
    if os.system(f"mount --bind {place} {place} && mount -o remount,ro,bind {place}") != 0:
        pytest.skip("cannot mount read-only here")
    try:
        before = routed.snapshot()
        with pytest.raises(CannotWriteError, match="Read-only file system") as error:
            move(routed, "bravo")
        assert_one_sentence(error)
        assert routed.snapshot() == before
    finally:
        os.system(f"umount {place}")
