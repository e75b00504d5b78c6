"""Which adapters there are: the built-in ones, and those that other distributions bring by entry point."""

from collections.abc import Iterable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel

from providers.base import Clock, Provider
from providers.errors import BrokenAdapterError, DuplicateKindError, UnknownKindError

GROUP = "relaypilot.providers"
_BUILT_IN = {
    "mailgun": "providers.mailgun:MailgunProvider",
    "sendgrid": "providers.sendgrid:SendgridProvider",
    "smtp": "providers.smtp:SmtpProvider",
}
_NEEDED = (
    *("settings_model", "capabilities", "reply_rules", "relay_endpoint", "check_session", "submit", "check", "events"),
    *("parse_webhook", "stats", "domain_auth", "suppressions", "suppression_list", "suppress", "aclose"),
)


def known_kinds(points: Iterable[EntryPoint] | None = None) -> dict[str, str]:
    """Return where each adapter is found, "module:attribute" by kind, in order of kind.

    `points` are the entry points to consider; None means those of the installed distributions.

    Raises:
        DuplicateKindError: two places claim one kind.
    """
    kinds = dict(_BUILT_IN)
    for point in entry_points(group=GROUP) if points is None else points:
        where = kinds.setdefault(point.name, point.value)
        if where != point.value:
            raise DuplicateKindError(
                f'looking for provider adapters: kind "{point.name}" is claimed by {where} and by {point.value}; '
                "uninstall one of the two distributions"
            )
    return dict(sorted(kinds.items()))


def load(kind: str) -> type[Provider]:
    """Return the adapter class for this kind.

    Raises:
        UnknownKindError: no adapter has that name.
        DuplicateKindError: two places claim one kind.
        BrokenAdapterError: what the entry point names is missing or is no adapter.
    """
    kinds = known_kinds()
    if kind not in kinds:
        raise UnknownKindError(
            f'loading provider kind "{kind}": no such adapter; known are {", ".join(kinds)}. '
            "Correct `kind`, or install the distribution that brings it"
        )
    module, _, attribute = kinds[kind].partition(":")
    try:
        adapter: Any = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise BrokenAdapterError(f'loading provider kind "{kind}" from {kinds[kind]}: {error}') from error
    missing = [name for name in _NEEDED if not hasattr(adapter, name)]
    if missing or getattr(adapter, "kind", None) != kind:
        wrong = f"lacks {', '.join(missing)}" if missing else f"calls itself {getattr(adapter, 'kind', None)!r}"
        raise BrokenAdapterError(
            f'loading provider kind "{kind}" from {kinds[kind]}: it {wrong}; see providers/ADDING.md'
        )
    return adapter  # type: ignore[no-any-return]  # checked above


def make_provider(
    settings: BaseModel, *, clock: Clock, stage_timeout_seconds: float, total_timeout_seconds: float
) -> Provider:
    """Return the provider that these settings describe; their `kind` chooses the adapter.

    Raises:
        ProviderError: as `load`.
    """
    adapter: Any = load(getattr(settings, "kind", ""))
    provider: Provider = adapter(
        settings,
        clock=clock,
        stage_timeout_seconds=stage_timeout_seconds,
        total_timeout_seconds=total_timeout_seconds,
    )
    return provider
