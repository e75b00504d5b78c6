import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from probes.well_known_receivers import WELL_KNOWN
from service.config import Config
from service.config_advice import warnings
from service.config_file import load_config, policy_of, secrets_of
from service.decision.policy import Failback, Mode, Policy
from service.errors import ConfigError

POSTFIX = '[postfix]\nconfig_dir = "{0}"\nlog_file = "{0}/mail.log"\n'
SEED = """
[[seed]]
name = "gmail-1"
receiver = "gmail"
address = "seed@gmail.example"
host = "127.0.0.1"
tls = "none"
password = { env = "SEED_PASSWORD" }
"""
PROBES = '[probes]\nsender = "probe@example.org"\n'
ENVIRON = {"RELAY_PASSWORD": "relay-secret", "SEED_PASSWORD": "seed-secret"}


def provider(name: str, password: str = '{ env = "RELAY_PASSWORD" }') -> str:
    return (
        f'\n[[provider]]\nname = "{name}"\nkind = "smtp"\nhost = "127.0.0.1"\nport = 2587\n'
        f'username = "relaypilot"\npassword = {password}\n'
    )


def loaded(directory: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    file = directory / "relaypilot.toml"
    file.write_text(text)
    return load_config(file, ENVIRON if environ is None else environ)


def with_postfix(directory: Path) -> str:
    """Return the [postfix] table of an installation that is there."""
    for name in ("main.cf", "mail.log"):
        (directory / name).touch()
    return POSTFIX.format(directory)


def test_what_is_missing_on_this_machine_is_mentioned(tmp_path: Path) -> None:
    text = POSTFIX.format(tmp_path / "nowhere") + PROBES + provider("a") + provider("b") + SEED
    log, main_cf, same_relay, _ = warnings(loaded(tmp_path, text))
    assert "mail.log does not exist, so live mail and the canary are not seen" in log
    assert "holds no main.cf" in main_cf
    assert '"a" and "b" are the same relay, 127.0.0.1:2587' in same_relay


def test_defaults_fill_what_is_left_out(tmp_path: Path) -> None:
    second = provider("sendgrid").replace("2587", "2588")
    config = loaded(tmp_path, with_postfix(tmp_path) + PROBES + provider("mailgun") + second + SEED)
    assert [settings.name for settings in config.provider] == ["mailgun", "sendgrid"]
    assert config.mode is Mode.OBSERVE
    assert config.probes.session_interval == timedelta(minutes=1)
    assert config.seed[0].password.get_secret_value() == "seed-secret"
    (unsigned,) = warnings(config)
    assert "Probes carry no DKIM signature of your domain" in unsigned


def test_the_policy_follows_the_configuration(tmp_path: Path) -> None:
    text = f"""
mode = "enforce"
{PROBES}
session_interval = "1s"
stage_timeout = "1s"
total_timeout = "2s"
round_interval = "5s"
deadline = "4s"
late_after = "2500ms"
poll_intervals = ["200ms"]

[policy]
failback = "off"
false_moves_per_year = 2
tolerated_outage = "0s"
confirmations = 1
confirmation_spacing = "100ms"
evidence_lifetime = "10m"
hold_down = "0s"
failback_rounds = 3
moves_per_hour = 60
manual_pin = "1h30m"
shares = false
failback_shares = [20, 100]
ramp_shares = [50]
share_step = "30s"
least_affected = 0.1
"""
    limits = "warm_share = 2\nmax_per_hour = 5000\n"
    own = '[receivers]\nhouse = ["example.com"]\n'
    config = loaded(tmp_path, 'routing = "transport"\n' + text + provider("a") + provider("b") + limits + SEED + own)
    assert policy_of(config) == Policy(
        providers=("a", "b"),
        seeds=(("gmail-1", "gmail"),),
        mode=Mode.ENFORCE,
        failback=Failback.OFF,
        false_moves_per_year=2.0,
        tolerated_outage_seconds=0.0,
        session_interval_seconds=1.0,
        round_interval_seconds=5.0,
        round_deadline_seconds=4.0,
        late_seconds=2.5,
        confirmations=1,
        confirmation_spacing_seconds=0.1,
        evidence_lifetime_seconds=600.0,
        hold_down_seconds=0.0,
        failback_rounds=3,
        moves_per_hour=60,
        manual_pin_seconds=5400.0,
        shares=False,
        lane_receivers=tuple(dict.fromkeys(("gmail", "house", *WELL_KNOWN))),
        failback_shares=(20, 100),
        ramp_shares=(50,),
        share_step_seconds=30.0,
        least_affected_ratio=0.1,
        warm_shares=(("b", 2),),
        hourly_caps=(("b", 5000),),
    )


def test_the_policy_takes_every_value_from_the_configuration(tmp_path: Path) -> None:
    default = policy_of(loaded(tmp_path, PROBES + provider("a")))
    assert default == Policy(providers=("a",), seeds=(), shares=True)


def test_a_secret_file_is_read_beside_the_configuration_without_its_newline(tmp_path: Path) -> None:
    secret = tmp_path / "relay.secret"
    secret.write_text("pass word \n")
    secret.chmod(0o640)
    config = loaded(tmp_path, PROBES + provider("a", '{ file = "relay.secret" }'))
    assert config.provider[0].password.get_secret_value() == "pass word "
    config = loaded(tmp_path, PROBES + provider("a", f'{{ file = "{secret}" }}'))
    assert list(secrets_of(config)) == ["pass word "]


def test_a_secret_never_shows(tmp_path: Path) -> None:
    config = loaded(tmp_path, PROBES + provider("a") + SEED)
    assert sorted(secrets_of(config)) == ["relay-secret", "seed-secret"]
    for text in (repr(config), str(config), config.model_dump_json(), repr(config.provider)):
        assert "-secret" not in text


def test_a_secret_from_a_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(ConfigError, match="is not a regular file"):
        loaded(tmp_path, PROBES + provider("a", '{ file = "fifo" }'))


def test_a_binary_or_endless_file_is_no_secret(tmp_path: Path) -> None:
    for name, content in (("binary", b"\xff\xfe\x00"), ("long", b"x" * 100_000)):
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
        with pytest.raises(ConfigError, match=r"not UTF-8 text|too long for a secret"):
            loaded(tmp_path, PROBES + provider("a", f'{{ file = "{name}" }}'))


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "relaypilot.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8 text; save the file as UTF-8"):
        load_config(tmp_path / "relaypilot.toml", {})


def test_loading_changes_nothing_that_is_shared(tmp_path: Path) -> None:
    """Threads may load at the same time: at a reload while a command checks the same file."""
    (tmp_path / "relaypilot.toml").write_text(PROBES + provider("a") + SEED)
    found: list[Config] = []
    load = lambda: found.append(load_config(tmp_path / "relaypilot.toml", ENVIRON))  # noqa: E731
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(config == found[0] for config in found)


def test_one_provider_and_no_seed_are_allowed_with_a_word(tmp_path: Path) -> None:
    said = " ".join(warnings(loaded(tmp_path, PROBES + provider("a"))))
    assert "Only one provider" in said
    assert "only raise alerts" in said
    assert "No seed is configured" in said


def test_doubtful_settings_are_mentioned(tmp_path: Path) -> None:
    text = with_postfix(tmp_path) + PROBES + 'round_interval = "20m"\n' + provider("a")
    text += provider("b").replace("2587", "2588") + SEED
    text += '\n[receivers]\ngmial = ["gmail.com"]\n[api]\nlisten = "0.0.0.0:8520"\ntoken = { env = "SEED_PASSWORD" }\n'
    receiver, rounds, _, listen = warnings(loaded(tmp_path, text))
    assert 'receiver "gmail", which [receivers] does not name' in receiver
    assert "72 messages a day" in rounds
    assert "0.0.0.0:8520 is open to other machines" in listen
