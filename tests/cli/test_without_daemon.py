"""`status` and `failover` work, or say why they cannot, when no daemon runs."""

from tests.cli.shell import Shell
from tests.cli.test_config import PROVIDER, write

SAYS_SO = "The daemon is not running: showing what Postfix and the store say.\n"


def configured(shell: Shell) -> Shell:
    shell_socket = shell.config.read_text()
    write(shell, PROVIDER.format(name="one"), PROVIDER.format(name="two"))
    directory = shell.config.parent
    paths = {"config_dir": "postfix", "helper_dir": "helper", "log_file": "mail.log"}
    postfix = "[postfix]\n" + "".join(f'{key} = "{directory}/{name}"\n' for key, name in paths.items())
    shell.config.write_text(f'state_dir = "{directory}/state"\n' + shell_socket + postfix + shell.config.read_text())
    return shell


def test_status_shows_what_can_be_seen_directly(lonely_shell: Shell) -> None:
    done = configured(lonely_shell)("status")
    assert done.status == 0, done.err
    assert done.err == SAYS_SO
    assert "daemon not running" in done.out
    assert "! Postfix is not running." in done.out
    found = lonely_shell("status", "--json")
    assert found.err == SAYS_SO
    assert found.json["daemon"] == "not running"
    assert [provider["name"] for provider in found.json["providers"]] == ["one", "two"]


def test_failover_acts_directly_and_says_what_stops_it(lonely_shell: Shell) -> None:
    before = sorted(path.name for path in configured(lonely_shell).config.parent.iterdir())
    done = lonely_shell("failover", "--to", "nosuch")
    notice, *_, sentence = done.err.splitlines()
    assert notice == "The daemon is not running: acting directly."
    assert sentence.startswith("relaypilot: ")
    assert done.out == ""
    assert done.status not in {0, 1, 130}
    assert "Traceback" not in done.err
    assert "marker" not in done.err
    assert [path for path in before if path not in {"helper", "state"}] == before
