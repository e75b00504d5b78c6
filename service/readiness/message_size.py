"""Whether a provider takes messages as large as Postfix does. Pure."""

from providers.checkup import Finding, Verdict

_MEGABYTE = 1_000_000


def size_finding(provider: str, provider_bytes: int | None, postfix_bytes: int | None) -> Finding | None:
    """Return whether Postfix accepts messages that this provider must refuse; none when a limit is not known.

    `postfix_bytes` is message_size_limit of postconf(5); 0 means none.
    """
    if provider_bytes is None or postfix_bytes is None:
        return None
    takes = f"{provider} takes messages of {provider_bytes / _MEGABYTE:.1f} MB"
    if postfix_bytes == 0 or postfix_bytes > provider_bytes:
        limit = "any size" if postfix_bytes == 0 else f"{postfix_bytes / _MEGABYTE:.1f} MB"
        return Finding(
            code="size",
            verdict=Verdict.WARNING,
            sentence=f"{takes}; Postfix accepts {limit} (message_size_limit).",
            remedy="Lower it, so that senders are told at once: "
            f"postconf -e message_size_limit={provider_bytes} && postfix reload",
        )
    return Finding(code="size", verdict=Verdict.OK, sentence=f"{takes}, and Postfix accepts none larger.")
