"""Every command as a process, against a daemon that answers."""

import json
import re
import socket

import pytest

from service.cli.main import relaypilot_app
from tests.api.fake_desk import SENTENCE
from tests.api.world import World
from tests.cli.shell import Shell

COMMANDS = [command.callback.__name__ for command in relaypilot_app().registered_commands if command.callback]
READING = [
    ["status"],
    ["explain"],
    ["compare", "--window", "24h", "--receiver", "gmail"],
    ["plan", "--to", "mailgun"],
    ["failover", "--to", "mailgun"],
    ["pause", "--for", "10m"],
    ["resume"],
    ["history"],
]


@pytest.mark.parametrize(
    "words",
    [[], *([name] for name in COMMANDS), ["config"], ["config", "check"], ["suppressions", "sync"]],
    ids=" ".join,
)
def test_help_leads_to_the_exit_statuses(shell: Shell, words: list[str]) -> None:
    done = shell(*words, "--help")
    assert done.status == 0, done.err
    assert "Usage: relaypilot" in done.out
    listed = re.search(r"7 +a safety rule stands against it", done.out) is not None
    assert listed is (words == [])
    assert ("`relaypilot --help` lists the exit statuses." in done.out) is (words != [])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_the_same_thing_by_the_same_word(shell: Shell, name: str) -> None:
    words = set(re.findall(r"--[a-z-]+ ([A-Z]+)", shell(name, "--help").out))
    assert words <= {"PATH", "FILE", "DURATION", "PROVIDER", "RECEIVER", "SEED", "TEXT", "N", "YEAR"}


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_json_is_one_document(shell: Shell, words: list[str]) -> None:
    done = shell(*words, "--json")
    assert done.status == 0, done.err
    assert done.err == ""
    assert isinstance(done.json, dict | list)


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_piped_output_is_plain(shell: Shell, words: list[str]) -> None:
    done = shell(*words)
    assert done.status == 0, done.err
    assert done.err == ""
    assert "\x1b" not in done.out
    assert done.out.strip()


def test_status_shows_the_route_and_every_health_as_k_of_n(shell: Shell) -> None:
    out = shell("status").out
    assert out.startswith(SENTENCE)
    assert re.search(r"active +sendgrid +sendgrid", out)
    assert re.search(r"mailgun +all +20/20 +12/12 +0/12 +degraded \(misplacing\) for 7 min\n", out)
    assert re.search(r"\n +gmail +20/20 +12/12 +0/12 +degraded", out)
    assert re.search(r"smarthost +all +- +- +- +unknown", out)
    assert out.count("mailgun is degraded (misplacing) for 7 min: 3 of 3 probes in spam\n- smarthost is unknown") == 1
    assert re.search(r"out of the route +smarthost +-\n", out)
    assert "! Seed yahoo-1 cannot be searched: authentication failed." in out
    assert "2/3 can be searched" in out


def test_status_shows_overrides_with_owner_reason_and_end(shell: Shell) -> None:
    shell.environ["SUDO_USER"] = "ann"
    paused = shell("pause", "--for", "2h", "--reason", "maintenance")
    by = rf"ann@{re.escape(socket.gethostname())}"
    order = rf"until [\d-]+ [\d:]+ UTC \(in (2 h|1 h 59 min)\), by {by}: maintenance"
    assert re.fullmatch(rf"Automation is paused {order}\.\n", paused.out)
    assert re.search(rf"^- pause {order}$", shell("status").out, re.MULTILINE)
    assert shell("resume").out == "The pause is over.\nMail moves automatically.\n"
    assert shell("resume").out.startswith("There was no pause to end.\n")


def test_failover_reaches_the_daemon_with_actor_reason_and_pin(shell: Shell, daemon: World) -> None:
    shell.environ["SUDO_USER"] = "ann"
    done = shell("--to", "mailgun", "--for", "1h30m", "--reason", "test", command="failover")
    assert done.status == 0, done.err
    lines = done.out.splitlines()
    assert lines[:2] == ["Mail goes through mailgun now.", "A canary message was taken."]
    assert lines[2] == "Route: mailgun, sendgrid (generation 5)."
    assert re.fullmatch(r"Pinned until [\d-]+ [\d:]+ UTC\.", lines[3])
    asked = daemon.desk.failovers[0]
    assert (asked.actor, asked.reason, asked.for_seconds) == (f"ann@{socket.gethostname()}", "test", 5400)


def test_failover_without_pin(shell: Shell, daemon: World) -> None:
    out = shell("failover", "--to", "mailgun", "--for", "0s").out
    assert "Pinned" not in out
    assert 'Not pinned: with mode = "enforce" it may be moved again at once.' in out
    assert daemon.desk.failovers[0].for_seconds == 0


def test_plan_shows_the_verdict_and_ends_with_it(shell: Shell) -> None:
    done = shell("plan", "--to", "smarthost")
    assert done.status == 7
    assert "Refused by unproven: smarthost has no fresh good evidence. (--force moves all the same)" in done.out
    assert "+relayhost = b" in done.out
    assert shell("plan", "--to", "smarthost", "--json").json["refusals"][0]["rule"] == "unproven"


def test_check_shows_what_is_wrong_first_with_its_remedy(shell: Shell) -> None:
    done = shell("check")
    assert done.status == 1
    assert "sendgrid: could not carry the mail\nfailed  The sender is not verified.\n" in done.out
    assert "Verify it in the panel.\nok      The login works." in done.out
    assert shell("check", "mailgun").status == 0
    assert shell("check", "--json").json["providers"][1]["verdict"] == "failed"


def test_suppressions_sync_says_what_it_did_or_would_do(shell: Shell) -> None:
    line = "sendgrid: 3 of mailgun {} (2 hard-bounce, 1 complaint) to 7 that it suppresses already.\n"
    done = shell("suppressions", "sync", "--from", "mailgun", "--dry-run")
    assert done.out.startswith(line.format("would be added"))
    assert shell("suppressions", "sync").out.startswith(line.format("added"))
    assert "mailgun lacks nothing of sendgrid (10 addresses suppressed).\n" in done.out


def test_probe_prints_each_result(shell: Shell) -> None:
    lines = shell("probe", "sendgrid").out.splitlines()
    assert re.fullmatch(r"[\d:]+  good +acceptance +sendgrid accepted the probe to gmail-1\.", lines[0])
    assert lines[-1] == "1 results."


def test_probe_with_json_prints_json_lines(shell: Shell) -> None:
    lines = [json.loads(line) for line in shell("probe", "--json").out.splitlines()]
    assert [line["provider"] for line in lines] == ["mailgun", "sendgrid", "smarthost"]


def test_compare_puts_the_providers_beside_each_other(shell: Shell) -> None:
    out = shell("compare").out
    assert re.search(r"^At all receivers: k of n, 95 % interval\n +mailgun +sendgrid +smarthost$", out, re.MULTILINE)
    assert re.search(r"^accepted +12/12 80-100 % +12/12 80-100 % +12/12 80-100 %$", out, re.MULTILINE)
    assert re.search(r"^live taken +4000/4001 80-100 % ", out, re.MULTILINE)
    assert re.search(r"^available +99.999 % of 1 d ", out, re.MULTILINE)
    assert re.search(r"^incidents +1, 1 without mail ", out, re.MULTILINE)
    assert re.search(r"^cost of 1,000 +0.90 USD +- +-$", out, re.MULTILINE)
    assert re.search(r"^certifications +ISO 27001, SOC 2 +-", out, re.MULTILINE)
    assert "retention" not in out  # nobody declares it
    assert re.search(r"^gmail +mailgun +12/12 +9/12 +3/12 +0/12 +1/12 +1.9 s\n +sendgrid", out, re.M)
    assert re.search(r"^From [\d-]+ [\d:]+ UTC to [\d-]+ [\d:]+ UTC, in whole hours\n", out)
    assert "For 120,000 messages a month: the 4,000 live messages of this time, stretched to 30 days" in out
    says = "mailgun and sendgrid differ: better in 14 rounds of 24, worse in 0."
    assert f"- At * {says}\n- At gmail {says}" in out
    assert out.endswith("What is not named is no proof.\n")
    assert "smarthost differ" not in out  # not proven


def test_compare_of_one_receiver_shows_no_other(shell: Shell) -> None:
    out = shell("compare", "--receiver", "gmail").out
    assert "At gmail: k of n" in out
    assert "By receiver" not in out
    assert "microsoft" not in out


def test_the_figures_of_compare_fit_80_columns(shell: Shell) -> None:
    lines = shell("compare").out.splitlines()
    sentences = ("- ", "Real", "For", "What is not", "From")
    assert [line for line in lines if len(line) > 80 and not line.startswith(sentences)] == []


def test_history_shows_what_who_and_why(shell: Shell) -> None:
    out = shell("history", "-n", "1").out
    row = r"applied +mailgun → sendgrid +automatic +relaypilot +mailgun misplaces at gmail\.$"
    assert re.search(row, out, re.MULTILINE)
    assert len(out.splitlines()) == 2
    assert re.search(r"^[\d-]+ [\d:]+ UTC ", out, re.MULTILINE)


def test_explain_shows_what_would_change_it(shell: Shell) -> None:
    out = shell("explain").out
    assert "What would change it\n- 6 good rounds of mailgun in a row\n\nLast move\n- 12:00:00 UTC automatic to" in out


def test_version(shell: Shell) -> None:
    assert re.fullmatch(r"relaypilot \d+\.\d+\.\d+\n", shell("--version").out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pin", "sendgrid", "--for", "2h"], "The route is pinned to sendgrid until "),
        (["unpin"], "There was no pin to end."),
        (["drain", "mailgun", "--reason", "warming up"], "mailgun is drained until "),
        (["undrain", "mailgun"], "mailgun was not drained."),
        (["ack", "mailgun"], "mailgun had no account fault to acknowledge."),
        (["ack"], "There was no brake to release and no account fault to acknowledge."),
    ],
)
def test_orders_are_given_and_taken_back(shell: Shell, words: list[str], said: str) -> None:
    done = shell(*words)
    assert done.status == 0, done.err
    assert done.out.startswith(said)
