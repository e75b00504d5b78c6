import os
from pathlib import Path

import pytest

from probes.log_follower import LogFollower, LogPosition


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text("old 1\nold 2\n")
    return path


def add(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def drained(follower: LogFollower) -> list[str]:
    lines: list[str] = []
    for _ in range(4):
        lines += follower.read()
    return lines


def test_a_new_follower_begins_at_the_end(log: Path) -> None:
    follower = LogFollower(log)
    assert follower.read() == []
    add(log, "new 1\nhalf")
    assert follower.read() == ["new 1"]
    add(log, " done\n")
    assert follower.read() == ["half done"]
    follower.close()


def test_from_start_reads_what_is_there(log: Path) -> None:
    follower = LogFollower(log, from_start=True)
    assert follower.read() == ["old 1", "old 2"]
    follower.close()


def test_a_restart_goes_on_where_the_stored_position_stands(log: Path) -> None:
    first = LogFollower(log, from_start=True)
    first.read()
    stored = str(first.position)
    first.close()
    add(log, "while down\n")
    second = LogFollower(log, LogPosition.parse(stored))
    assert second.read() == ["while down"]
    assert second.read() == []
    second.close()


def test_rotation_loses_and_repeats_nothing(log: Path) -> None:
    follower = LogFollower(log, from_start=True)
    follower.read()
    add(log, "before\n")
    log.rename(log.with_name("mail.log.1"))
    log.write_text("after\n")
    lines = follower.read()
    add(log.with_name("mail.log.1"), "straggler\n")
    lines += drained(follower)
    assert lines == ["before", "straggler", "after"]
    follower.close()


def test_a_rotation_while_nobody_read_is_caught_up(log: Path) -> None:
    follower = LogFollower(log, from_start=True)
    follower.read()
    stored = follower.position
    follower.close()
    add(log, "before\n")
    log.rename(log.with_name("mail.log.1"))
    log.write_text("after\n")
    again = LogFollower(log, stored)
    assert drained(again) == ["before", "after"]
    again.close()


@pytest.mark.parametrize("regrown", ["x\n", "a much longer first line than there was before\nand more\n"])
def test_truncation_in_place_starts_over(log: Path, regrown: str) -> None:
    follower = LogFollower(log, from_start=True)
    follower.read()
    with log.open("w") as file:
        file.write(regrown)
    assert follower.read() == regrown.splitlines()
    follower.close()


def test_a_reused_inode_is_not_taken_for_the_old_file(log: Path) -> None:
    follower = LogFollower(log, from_start=True)
    follower.read()
    stored = follower.position
    follower.close()
    inode = log.stat().st_ino
    log.write_text("another file under the same number\n")
    assert log.stat().st_ino == inode
    again = LogFollower(log, stored)
    assert again.read() == ["another file under the same number"]
    again.close()


def test_a_log_that_does_not_exist_yet_is_waited_for(tmp_path: Path) -> None:
    follower = LogFollower(tmp_path / "mail.log", from_start=True)
    assert follower.read() == []
    assert follower.position is None
    (tmp_path / "mail.log").write_text("first\n")
    assert follower.read() == ["first"]
    follower.close()


def test_a_line_of_garbage_and_no_end_is_passed_over(log: Path) -> None:
    follower = LogFollower(log)
    follower.read()
    with log.open("ab") as file:
        file.write(b"\xff\xfe\n" + b"x" * (5 * 1024 * 1024))
    assert follower.read() == ["��"]
    assert drained(follower) == []
    add(log, "\nnext\n")
    assert drained(follower)[-1] == "next"
    follower.close()


@pytest.mark.parametrize("text", ["", "1 2", "a b c", "1 2 3 4"])
def test_a_position_that_is_none_is_not_read(text: str) -> None:
    assert LogPosition.parse(text) is None


def test_a_position_survives_being_written(log: Path) -> None:
    follower = LogFollower(log, from_start=True)
    follower.read()
    position = follower.position
    follower.close()
    assert LogPosition.parse(str(position)) == position
    assert position.inode == os.stat(log).st_ino  # noqa: PTH116
