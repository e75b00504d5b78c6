"""What is allowed in a configuration but worth a word."""

from collections.abc import Iterator
from datetime import timedelta

from service.config import Config
from service.config_rules import is_loopback, spoken
from service.config_text import split_host_port

_KINDEST_ROUND_INTERVAL = timedelta(hours=1)  # 24 rounds a day and seed


def warnings(config: Config) -> tuple[str, ...]:
    """Return one sentence for each thing that will not work as one might hope."""
    return tuple(_warnings(config))


def _warnings(config: Config) -> Iterator[str]:
    if len(config.provider) == 1:
        yield (
            "Only one provider is configured: there is nothing to move mail to, and placement cannot be compared, "
            "so relaypilot will only raise alerts. Add a second [[provider]]."
        )
    log = config.postfix.log_file
    if log is not None and not log.exists():
        yield (
            f"postfix.log_file {log} does not exist, so live mail and the canary are not seen. Install "
            "rsyslog, or have Postfix write a log: postconf -e maillog_file=/var/log/postfix.log, and name it there."
        )
    if not (config.postfix.config_dir / "main.cf").exists():
        yield f"postfix.config_dir {config.postfix.config_dir} holds no main.cf, so there is no route to control."
    seen: dict[tuple[str, int], str] = {}
    for provider in config.provider:
        at = (str(getattr(provider, "host", "")).lower(), int(getattr(provider, "port", 0)))
        if at in seen:
            yield (
                f'Providers "{seen[at]}" and "{provider.name}" are the same relay, {at[0]}:{at[1]}: Postfix cannot '
                "tell them apart, and the root helper refuses such a route."
            )
        seen[at] = provider.name
    if not config.seed:
        yield (
            "No seed is configured: spam-foldering, loss and delay stay unseen, and a move is not proved by a canary. "
            "Add a [[seed]] at each large receiver of your mail."
        )
    for seed in config.seed:
        if config.receivers and seed.receiver not in config.receivers:
            yield (
                f'Seed "{seed.name}" is at receiver "{seed.receiver}", which [receivers] does not name, so live mail '
                "to that receiver is not set beside it. Add its recipient domains, or correct the name."
            )
    if config.seed and config.probes.round_interval < _KINDEST_ROUND_INTERVAL:
        rounds = timedelta(days=1) // config.probes.round_interval
        yield (
            f"probes.round_interval of {spoken(config.probes.round_interval)} sends {rounds} messages a day to each "
            "seed through each provider; unread in that number they hurt your reputation. 1h is kind."
        )
    yield from _signing(config)
    yield from _logins(config)
    if config.api.listen and not is_loopback(split_host_port(config.api.listen)[0]):
        yield (
            f"api.listen {config.api.listen} is open to other machines, and the token crosses the network unencrypted. "
            "Listen on 127.0.0.1 behind a proxy that speaks TLS."
        )


def _signing(config: Config) -> Iterator[str]:
    probes = config.probes
    if probes.dkim_key is None and config.seed:
        yield (
            "Probes carry no DKIM signature of your domain, though live mail may (by a milter), so receivers may treat "
            "them otherwise; observations are marked so. Set probes.dkim_selector and probes.dkim_key."
        )
    domain, sender = (probes.dkim_domain or "").lower(), probes.sender.rpartition("@")[2].lower()
    if domain and sender != domain and not sender.endswith(f".{domain}"):
        yield (
            f"probes.dkim_domain {domain} is not the domain of probes.sender, {sender}, nor one above it: DMARC does "
            "not count such a signature. Use one domain for both."
        )


def _logins(config: Config) -> Iterator[str]:
    for provider in config.provider:
        auth = str(getattr(provider, "auth", None) or "")
        if auth == "xoauth2":
            yield (
                f'Provider "{provider.name}" logs in by XOAUTH2, which Postfix cannot do without a SASL plugin: it can '
                "be probed and compared, but no mail can be moved to it, and the root helper refuses a configuration "
                "with it. Give it a password if the relay allows one, or keep it in one for comparing alone."
            )
        if auth == "cram-md5":
            yield (
                f'Provider "{provider.name}" logs in by CRAM-MD5 in probes, but Postfix is set to PLAIN and LOGIN, '
                "which are safe under TLS: leave auth out if the relay offers one of them."
            )
