"""`config check` and `config describe`."""

from pathlib import Path

from tests.cli.shell import Shell

INVALID = Path(__file__).parents[1] / "invalid_config"
VALID = """
[probes]
sender = "probe@example.org"
round_interval = "1h"
session_interval = "60s"
"""
PROVIDER = """
[[provider]]
name = "{name}"
kind = "smtp"
host = "smtp.{name}.example"
username = "user"
password = {{ env = "RELAY_PASSWORD" }}
"""
SEED = """
[[seed]]
name = "{name}"
receiver = "{receiver}"
address = "{name}@example.net"
host = "imap.example.net"
password = {{ env = "SEED_PASSWORD" }}
"""


def write(shell: Shell, *tables: str) -> None:
    shell.config.write_text(VALID + "".join(tables))
    shell.environ |= {"RELAY_PASSWORD": "marker-relay-secret", "SEED_PASSWORD": "marker-seed-secret"}


def test_a_good_configuration_is_summed_up_with_its_cost(shell: Shell) -> None:
    write(
        shell,
        *(PROVIDER.format(name=name) for name in ("one", "two")),
        *(SEED.format(name=f"seed-{n}", receiver=where) for n, where in enumerate(("gmail", "gmail", "yahoo"))),
    )
    done = shell("config", "check")
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == f"{shell.config} is in order."
    assert "Providers, in order of preference: one, two." in lines
    assert "Seeds: 3 (2 at gmail, 1 at yahoo)." in lines
    assert any(
        line.startswith("Message rounds: 4,320 messages a month (2,160 through each provider)") for line in lines
    )
    assert "Session checks: 1,440 a day at each provider; no message is sent." in lines
    assert [line.split(":")[0] for line in lines if line.startswith("!")] == [
        '! mode is "observe"',
        "! One seed only at yahoo",
    ]
    assert "marker" not in done.out


def test_json_has_the_numbers(shell: Shell) -> None:
    write(shell, PROVIDER.format(name="one"))
    found = shell("config", "check", "--json").json
    assert found["messages_per_month"] == 0
    assert len(found["warnings"]) == 3  # observe, one provider, no seed


def test_all_mistakes_are_shown_at_once(shell: Shell) -> None:
    done = shell("config", "check", "--config", str(INVALID / "many-at-once.toml"))
    assert done.status == 3
    assert done.out == ""
    first, *mistakes = done.err.splitlines()
    assert first == f"relaypilot: {INVALID / 'many-at-once.toml'} has {len(mistakes)} mistakes:"
    assert len(mistakes) > 3
    assert not any(mistake.startswith(f"  {INVALID}") for mistake in mistakes)
    keys = [mistake.split()[0] for mistake in mistakes]
    assert keys[:2] == ["mode:", "api.token:"]
    assert keys == [*keys[:1], *sorted(keys[1:])]
    problem = shell("config", "check", "--json", "--config", str(INVALID / "many-at-once.toml")).json
    assert len(problem["errors"]) == len(mistakes)
    assert problem["title"] == "Wrong configuration"
    assert "status" not in problem
    assert all(error["rule"] and error["detail"] for error in problem["errors"])


def test_describe_is_the_example_configuration(shell: Shell) -> None:
    done = shell("config", "describe")
    assert done.status == 0, done.err
    assert done.out == (Path(__file__).parents[2] / "deploy/config/relaypilot.example.toml").read_text()
    keys = {(key["table"], key["key"]) for key in shell("config", "describe", "--json").json}
    assert {("probes", "round_interval"), ("", "mode")} <= keys
