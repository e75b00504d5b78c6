"""Reads what the administrator has in main.cf beside, before and beneath the route."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from service.postfix.command import execute, first_complaint, run
from service.postfix.errors import CommandError
from service.postfix.installation import Installation
from service.postfix.lane_maps import UNLISTED_DOMAIN
from service.postfix.map_list import is_table, split_maps
from service.postfix.state import State
from service.postfix.surroundings import SHARED_SETTINGS, Surroundings

_HERE = ("mydestination", "virtual_alias_domains", "virtual_mailbox_domains")  # delivered on this host
_RELAYED = "relay_domains"
_ASKED = ("sender_dependent_relayhost_maps", _RELAYED, *_HERE)
_MAPS = ("transport_maps", "sender_dependent_default_transport_maps")
_LISTED = ("texthash", "lmdb", "hash", "btree", "cdb", "dbm", "sdbm", "inline")  # postmap -s prints them
_CATCH_ALL_KEYS = ("*", UNLISTED_DOMAIN, f"anybody@{UNLISTED_DOMAIN}")
_NO_CHANGE = "dunno"  # postconf(5) sender_dependent_default_transport_maps
_NO_ROUTE = ("", ":")  # transport(5): such an entry changes nothing


def read_surroundings(installation: Installation, state: State | None) -> Surroundings:
    """Return what the route must live with; changes nothing. A table that cannot be read is its `problem`.

    Raises:
        CommandError: postconf(1) could not be run.
    """
    own = _own(installation, state)
    known = Surroundings(
        own=own,
        map_types=frozenset(_postconf(installation, ["-m"]).split()),
        taken_over=state is not None,
    )
    seen = _settings(installation, ["-x", *_ASKED])
    transport_maps, sender_maps = (_expanded(installation, name, own[name] or "") for name in _MAPS)
    try:
        return replace(
            known,
            relayhost_maps=seen["sender_dependent_relayhost_maps"],
            bare_senders=_bare_senders(installation, sender_maps),
            **_domains(installation, transport_maps, seen),
        )
    except _UnreadableError as error:
        return replace(known, problem=str(error))


class _UnreadableError(Exception):
    """A table of the administrator's cannot be read; the message says which and why."""


def _domains(installation: Installation, transport_maps: str, seen: Mapping[str, str]) -> dict[str, Any]:
    """Return which domains go elsewhere than the route."""
    receivers = installation.receivers if installation.routing == "transport" else {}
    domains = tuple(dict.fromkeys(domain for names in receivers.values() for domain in names))
    relayed = _words(seen[_RELAYED])
    here = [word for name in _HERE for word in _words(seen[name])]
    plain = [word for word in relayed if not is_table(word) and not word.startswith(("/", "!"))]
    maps = split_maps(transport_maps)
    named = (*domains, *plain) if maps else ()  # there may be 100,000
    keys = dict.fromkeys([*_CATCH_ALL_KEYS, *(form for name in named for form in _forms(name))])
    answers = _answers(installation, maps, keys)
    routed = {key: value for key, value in answers.items() if value.strip() not in _NO_ROUTE}
    return {
        "relay_domains": tuple(
            word for word in relayed if word not in here and not any(form in routed for form in _forms(word))
        ),
        "left_out": _left_out(installation, domains, here, relayed, routed, answers.keys()),
        "catch_all": next((f"{key} -> {routed[key]}" for key in _CATCH_ALL_KEYS if key in routed), None),
    }


def _postconf(installation: Installation, arguments: list[str]) -> str:
    return run("postconf", arguments, config_dir=installation.config_dir, search_path=installation.search_path)


def _settings(installation: Installation, arguments: list[str], config_dir: Path | None = None) -> dict[str, str]:
    at = config_dir or installation.config_dir
    out = run("postconf", arguments, config_dir=at, search_path=installation.search_path)
    found = {line.partition(" =")[0]: line.partition(" =")[2].lstrip() for line in out.splitlines() if " =" in line}
    return {name: value for name, value in found.items() if name in arguments}


def _expanded(installation: Installation, name: str, value: str) -> str:
    """Return a value with the settings that it names, as `hash:$config_directory/transport` (postconf(5))."""
    if "$" not in value:
        return value
    return _postconf(installation, ["-h", "-x", "-o", f"{name}={value}", name]).strip()


def _own(installation: Installation, state: State | None) -> dict[str, str | None]:
    """Return the shared settings as the administrator has them, without what relaypilot wrote."""
    present = _settings(installation, ["-n", *SHARED_SETTINGS])
    original = installation.helper_dir / "original"
    written: Mapping[str, str] = state.rendering.settings if state else {}
    if state is None and original.is_dir():
        written = _unrecorded(installation, present)
    kept: Mapping[str, str | None] = state.own if state else {}
    if any(name in written and name not in kept for name in SHARED_SETTINGS):  # written before this was recorded
        former = _settings(installation, ["-n", *SHARED_SETTINGS], original) if original.is_dir() else {}
        kept = {name: former.get(name) for name in SHARED_SETTINGS} | dict(kept)
    own = {name: kept.get(name) if name in written else present.get(name) for name in SHARED_SETTINGS}
    for name in _MAPS:
        if present.get(name) != written.get(name):
            own[name] = _without_ours(present.get(name), written.get(name, ""), own[name], f"{installation.owned_dir}/")
    return own


def _unrecorded(installation: Installation, present: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that hold a route of ours of which the record is lost; the lists of maps not among them."""
    route = present.get("default_transport", "")
    service, colon, _ = route.partition(":")
    if service not in {f"{installation.service_prefix}{name}" for name in installation.providers}:
        return {}
    names = ["default_transport", *([] if colon else ["relayhost"])]
    names += ["relay_transport"] if present.get("relay_transport") == route else []
    return {name: present[name] for name in names if name in present}


def _without_ours(present: str | None, written: str, own: str | None, owned_dir: str) -> str | None:
    """Return the administrator's part of a list of maps, which he may have edited since: all that is not ours."""
    theirs, there = split_maps(own or ""), split_maps(present or "")
    ours = split_maps(written)[len(theirs) :]
    rest = tuple(entry for entry in there if entry not in ours and owned_dir not in entry)
    return own if rest == theirs else ", ".join(rest) or None


def _forms(domain: str) -> Iterable[str]:
    """Yield the keys under which a table may hold a domain: itself, and each parent with a dot (transport(5))."""
    yield domain
    _, dot, parent = domain.partition(".")
    while dot:
        yield f".{parent}"
        _, dot, parent = parent.partition(".")


def _answers(installation: Installation, maps: tuple[str, ...], keys: Iterable[str]) -> dict[str, str]:
    """Return what the administrator's own transport_maps say to these keys; the first that knows a key counts."""
    answers: dict[str, str] = {}
    for name in reversed(maps):
        answers |= _look_up(installation, name, keys, "transport_maps")
    return answers


def _look_up(installation: Installation, table: str, keys: Iterable[str], where: str) -> dict[str, str]:
    """Return what a table of the administrator's holds for these keys.

    postmap(1) ends with status 1 both when it finds nothing and when it cannot read the table (3.7.11, 2026-11).
    """
    try:
        out, said = execute(
            ["postmap", "-c", str(installation.config_dir), "-q", "-", table],
            config_dir=installation.config_dir,
            search_path=installation.search_path,
            text_in="".join(f"{key}\n" for key in keys),
            accept=(0, 1),
        )
    except CommandError as error:
        raise _UnreadableError(f"Reading {table} of {where} failed: {error} Repair that table first.") from error
    if "fatal:" in said:
        raise _UnreadableError(
            f"Reading {table} of {where} failed: {first_complaint(said)}; repair that table first, as Postfix cannot "
            "read it either."
        )
    return dict(line.split("\t", 1) for line in out.splitlines() if "\t" in line)


def _left_out(
    installation: Installation,
    domains: tuple[str, ...],
    here: list[str],
    relayed: list[str],
    routed: Mapping[str, str],
    answered: Collection[str],
) -> dict[str, str]:
    """Return the receivers' domains that must keep the way they have, with the reason.

    An entry for a domain itself counts though it routes nothing: our own entry behind it is not asked for.
    """
    if not domains or not (here or relayed or answered):
        return {}
    local = _members(installation, here, domains, lambda domain: [domain])
    relay = _members(installation, relayed, domains, _with_parents)  # parent_domain_matches_subdomains may name it
    left_out: dict[str, str] = {}
    for domain in domains:
        if domain in local:
            left_out[domain] = "delivered on this host"
        elif domain in relay:
            left_out[domain] = "one of relay_domains"
        elif domain in answered or any(form in routed for form in _forms(domain)):
            left_out[domain] = "transport_maps has an entry for it"
    return left_out


def _words(domain_list: str) -> list[str]:
    """Return the entries of a domain list, domains in lower case, names of files and tables as they are."""
    words = split_maps(domain_list)
    return [word if is_table(word) or word.startswith(("/", "!/")) else word.lower() for word in words]


def _members(
    installation: Installation, words: list[str], domains: tuple[str, ...], forms: Callable[[str], list[str]]
) -> set[str]:
    """Return which domains a domain list names under one of their forms (postconf(5) mydestination)."""
    names: set[str] = set()
    tables = [word for word in words if is_table(word)]
    keys = dict.fromkeys(form for domain in domains for form in forms(domain)) if tables else {}
    for word in words:
        if is_table(word):
            names |= _look_up(installation, word, keys, "a list of domains").keys()
        elif word.startswith("/"):
            names |= _words_of(Path(word))
        else:
            names.add(word)
    return {domain for domain in domains if not names.isdisjoint(forms(domain))} if names else set()


def _with_parents(domain: str) -> list[str]:
    forms = list(_forms(domain))
    return [*forms, *(form[1:] for form in forms[1:])]


def _words_of(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise _UnreadableError(f"Reading the list of domains {path} failed: {error.strerror}.") from error
    return {word.lower() for line in lines if not line.startswith("#") for word in line.replace(",", " ").split()}


def _bare_senders(installation: Installation, maps: str) -> str | None:
    """Return the first entry that names no nexthop, or that this cannot be known; None where all name one."""
    for name in split_maps(maps):
        if name.partition(":")[0] not in _LISTED:
            return f"the entries of {name} cannot be listed, so they may lack a nexthop"
        try:
            out = run("postmap", ["-s", name], config_dir=installation.config_dir, search_path=installation.search_path)
        except CommandError as error:
            raise _UnreadableError(f"Reading {name} failed: {error} Repair that table first.") from error
        for line in out.splitlines():
            key, _, value = line.partition("\t")
            if value.strip().lower() != _NO_CHANGE and not value.partition(":")[2].strip():
                return f"the entry {key} -> {value} names no nexthop"
    return None
