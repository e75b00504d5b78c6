"""Postfix's configuration directory as bytes, and ways in which it goes wrong."""

import contextlib
import subprocess

from tests.scenarios.look_old import look_old


def snapshot(scene):
    """Return every file of Postfix's configuration: content, mode, owner; its queue and data left out."""
    directory = scene.world.postfix.config_dir
    return {
        str(path.relative_to(directory)): (
            path.read_bytes() if path.is_file() else None,
            path.lstat().st_mode,
            path.lstat().st_uid,
            path.lstat().st_gid,
        )
        for path in sorted(directory.rglob("*"))
        if path.relative_to(directory).parts[0] not in ("q", "data")
    }


@contextlib.contextmanager
def changed(scene, name, edit):
    """Change a configuration file by hand, and put it back at the end."""
    path = scene.world.postfix.config_dir / name
    before = path.read_text()
    path.write_text(edit(before))
    look_old(path)
    try:
        yield
    finally:
        path.write_text(before)
        look_old(path)


@contextlib.contextmanager
def broken_main_cf(scene):
    with changed(scene, "main.cf", lambda text: text + "smtpd_banner\n"):
        yield


@contextlib.contextmanager
def stopped_postfix(scene):
    scene.world.postfix.stop()
    try:
        yield
    finally:
        scene.world.postfix.start()


@contextlib.contextmanager
def unwritable_directory(scene):
    directory = scene.world.postfix.config_dir
    subprocess.run(["chattr", "+i", directory], check=True)
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", directory], check=True)


@contextlib.contextmanager
def read_only_mount(scene):
    directory = scene.world.postfix.config_dir / "relaypilot"
    subprocess.run(["mount", "--bind", directory, directory], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", directory], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", directory], check=True)


@contextlib.contextmanager
def hand_edited_relayhost(scene):
    def edit(text):
        return "".join(
            "relayhost = [127.0.0.1]:9\n" if line.startswith("relayhost =") else line
            for line in text.splitlines(keepends=True)
        )

    with changed(scene, "main.cf", edit):
        yield
