"""The new configuration built aside and proved there, before anything in force is touched."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from providers.account_replies import ACCOUNT_REPLIES
from service.postfix.change import Change, keep_old
from service.postfix.command import run
from service.postfix.current import read_services, read_settings
from service.postfix.durable import NEW, backdate, digest_of, write_aside
from service.postfix.errors import ApplyError, BrokenConfigurationError, CannotWriteError, CommandFailedError
from service.postfix.installation import Installation
from service.postfix.lane_maps import CANARY_RECIPIENTS, CANARY_SENDER, DOMAINS, LANES
from service.postfix.map_list import INDEX_SUFFIXES
from service.postfix.rendering import OwnedFile, Rendering
from service.postfix.table_rows import kind_of, table_rows

# Replies that must stay permanent: told to the sender, not tried elsewhere.
KEPT_REPLIES = (
    "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 The email account that you tried to reach does not exist.",
    "552 5.2.2 Mailbox full",
    "554 5.7.1 Message rejected because of spam content",
    "550 5.1.8 <someone@example.org>: Sender address rejected: Domain not found",
)

_ROW_TABLES = ("sasl", "tls_policy", LANES, DOMAINS, CANARY_SENDER, CANARY_RECIPIENTS)


def stage_dir(installation: Installation) -> Path:
    """Return where the new configuration is built."""
    return installation.helper_dir / "stage"


def keep_former(installation: Installation, paths: Iterable[str]) -> dict[Path, str | None]:
    """Keep main.cf, master.cf and owned files beside themselves; return the digest of each.

    Raises:
        CannotWriteError: main.cf or master.cf is missing or a symbolic link.
        OSError: a file could not be linked.
    """
    for path in (installation.main_cf, installation.master_cf):
        if path.is_symlink() or not path.is_file():
            raise CannotWriteError(f"{path} is missing or a symbolic link; relaypilot writes regular files only.")
    kept = {Path(path): keep_old(Path(path)) for path in paths}
    return kept | {path: keep_old(path) for path in (installation.master_cf, installation.main_cf)}


def keep_originals(installation: Installation) -> None:
    """Copy main.cf and master.cf as they were before relaypilot, once and for ever.

    Raises:
        OSError: they could not be copied.
    """
    original = installation.helper_dir / "original"
    original.mkdir(mode=0o700, exist_ok=True)
    for path in (installation.main_cf, installation.master_cf):
        if not (original / path.name).exists():
            aside = original / (path.name + NEW)
            write_aside(aside, path.read_bytes(), mode=0o600)
            aside.replace(original / path.name)


def stage(
    installation: Installation,
    wanted: Rendering,
    owned: Rendering | None,
    kept: Mapping[Path, str | None],
    now_seconds: float,
    own: Mapping[str, str | None],
) -> tuple[Change, ...]:
    """Write the new content of every file aside; return the changes in the order of their commit.

    `own` is what the administrator had in settings that relaypilot no longer writes: they get it back.

    Owned files come first, then master.cf, then main.cf, then what is no longer named, so that nothing in force ever
    names what is not there.

    Raises:
        BrokenConfigurationError: Postfix's own editor refuses the present configuration.
        OSError: a file could not be written.
    """
    directory = stage_dir(installation)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    for path in (installation.main_cf, installation.master_cf):
        write_aside(directory / path.name, path.read_bytes(), mode=0o600)
    _edit(directory, installation, wanted, owned, own)
    installation.owned_dir.mkdir(exist_ok=True)
    installation.owned_dir.chmod(0o755)
    changes = [
        _write_file(Path(path), file.text.encode(), file.mode, kept[Path(path)], now_seconds)
        for path, file in wanted.files.items()
    ]
    for name, file in wanted.files.items():
        if file.index:
            content = _indexed(installation, Path(name).name, file)
            at = Path(name + INDEX_SUFFIXES[file.index])
            changes.append(_write_file(at, content, file.mode, kept[at], now_seconds))
    there = owned_paths(wanted)
    gone = [path for path in kept if path.parent == installation.owned_dir and str(path) not in there]
    for path in (installation.master_cf, installation.main_cf):
        backdate(directory / path.name, now_seconds - 10.0)
        status = path.stat()
        owner = (status.st_uid, status.st_gid)
        content = (directory / path.name).read_bytes()
        changes.append(_write_file(path, content, status.st_mode & 0o7777, kept[path], now_seconds, owner))
    changes += [Change(path=path, before=kept[path], after=None) for path in gone]
    return tuple(change for change in changes if change.before != change.after)


def _write_file(
    path: Path, content: bytes, mode: int, before: str | None, now_seconds: float, owner: tuple[int, int] = (0, 0)
) -> Change:
    new = path.with_name(path.name + NEW)
    write_aside(new, content, mode=mode, owner=owner)
    backdate(new, now_seconds - 10.0)
    return Change(path=path, before=before, after=digest_of(new))


def owned_paths(rendering: Rendering) -> list[str]:
    """Return every file of a rendering, the indexed forms of tables included."""
    indexes = [path + INDEX_SUFFIXES[file.index] for path, file in rendering.files.items() if file.index]
    return [*rendering.files, *indexes]


def _indexed(installation: Installation, name: str, file: OwnedFile) -> bytes:
    """Return the indexed form of a table, made aside by postmap(1), which would write it beside the text."""
    aside = stage_dir(installation) / name
    write_aside(aside, file.text.encode(), mode=file.mode)
    try:
        run(
            "postmap",
            [f"{file.index}:{aside}"],
            config_dir=installation.config_dir,
            search_path=installation.search_path,
        )
    except CommandFailedError as error:
        raise CannotWriteError(
            f"Indexing the table {name} failed ({error.stderr or error}); nothing was changed; look at the disk."
        ) from error
    return Path(f"{aside}{INDEX_SUFFIXES[file.index]}").read_bytes()


def _edit(
    directory: Path,
    installation: Installation,
    wanted: Rendering,
    owned: Rendering | None,
    own: Mapping[str, str | None],
) -> None:
    gone_services = [name for name in (owned.services if owned else ()) if name not in wanted.services]
    gone_settings = [name for name in (owned.settings if owned else ()) if name not in wanted.settings]
    returned = {name: former for name in gone_settings if (former := own.get(name)) is not None}
    gone_settings = [name for name in gone_settings if name not in returned]
    edits = [
        ["-M", "-e", *(f"{name}={line}" for name, line in wanted.services.items())],
        ["-e", *(f"{name}={value}" for name, value in (returned | dict(wanted.settings)).items())],
    ]
    if gone_services:
        edits.append(["-M", "-X", *gone_services])
    if gone_settings:
        edits.append(["-X", *gone_settings])
    for edit in edits:
        try:
            run("postconf", edit, config_dir=directory, search_path=installation.search_path)
        except CommandFailedError as error:
            raise BrokenConfigurationError(
                f"Postfix's configuration in {installation.config_dir} cannot be edited ({error.stderr or error}); "
                "nothing was changed; repair it first."
            ) from error


def validate(installation: Installation, wanted: Rendering) -> None:
    """Prove the staged configuration: Postfix's own check, every value, every table.

    Raises:
        BrokenConfigurationError: `postfix check` complains.
        ApplyError: a value or a table is not as it should be.
    """
    directory = stage_dir(installation)
    try:
        run("postfix", ["check"], config_dir=directory, search_path=installation.search_path)
    except CommandFailedError as error:
        raise BrokenConfigurationError(
            f"Postfix refuses its configuration in {installation.config_dir} ({error.stderr or error}); "
            "nothing was changed; repair it first."
        ) from error
    staged = Installation(
        config_dir=directory,
        helper_dir=installation.helper_dir,
        log_file=None,
        providers=installation.providers,
        search_path=installation.search_path,
    )
    check_values(staged, wanted)
    check_tables(installation, wanted, suffix=NEW)


def check_values(installation: Installation, wanted: Rendering) -> None:
    """Compare main.cf and master.cf with what they should hold.

    Raises:
        ApplyError: one value differs.
    """
    settings, services = read_settings(installation, wanted.settings), read_services(installation)
    for name, value in wanted.settings.items():
        if settings.get(name) != value:
            raise ApplyError(f'Checking {name} failed: it reads "{settings.get(name)}" instead of "{value}".')
    for name, line in wanted.services.items():
        if services.get(name) != line:
            raise ApplyError(
                f"Checking the service {name} failed: master.cf holds something else; look for another one."
            )


def check_tables(installation: Installation, wanted: Rendering, suffix: str = "") -> None:
    """Look every nexthop and every known reply up in the tables, by Postfix's own means.

    Raises:
        ApplyError: a table does not answer as it should.
    """
    tables = {Path(path).name: f"{path}{suffix}" for path in wanted.files}
    for path, file in wanted.files.items():
        table = Path(path).name
        if kind_of(table) in _ROW_TABLES:
            rows = table_rows(file.text)
            aside = stage_dir(installation) / table if suffix else path
            source = f"{file.index}:{aside}" if file.index else f"texthash:{tables[table]}"
            if _look_up(installation, source, rows) != rows:
                raise ApplyError(f"Checking the table {table} failed: Postfix does not read what was written.")
    examples = [reply.example for reply in ACCOUNT_REPLIES if reply.example.startswith("5")]
    found = _look_up(installation, f"regexp:{tables['reply_filter']}", [*examples, *KEPT_REPLIES])
    for example in examples:
        if not found.get(example, "").startswith("4"):
            raise ApplyError(f'Checking the reply table failed: "{example}" would bounce mail.')
    for reply in KEPT_REPLIES:
        if reply in found:
            raise ApplyError(f'Checking the reply table failed: "{reply}" would keep undeliverable mail queued.')


def check_lookups(installation: Installation, wanted: Rendering) -> None:
    """Ask each map of the route that draws or chooses, as it stands in main.cf.

    Raises:
        ApplyError: a map does not answer as it should.
    """
    for lookup in wanted.lookups:
        seen = _look_up(installation, lookup.map, [lookup.key]).get(lookup.key)
        if seen not in lookup.answers:
            raise ApplyError(f'Checking {lookup.map} failed: it answers "{seen}" for {lookup.key}.')


def _look_up(installation: Installation, table: str, keys: Iterable[str]) -> dict[str, str]:
    """Return what a table holds for these keys (postmap(1) -q -)."""
    out = run(
        "postmap",
        ["-q", "-", table],
        config_dir=installation.config_dir,
        search_path=installation.search_path,
        text_in="".join(f"{key}\n" for key in keys),
        accept=(0, 1),  # 1: nothing found
    )
    return dict(line.split("\t", 1) for line in out.splitlines() if "\t" in line)
