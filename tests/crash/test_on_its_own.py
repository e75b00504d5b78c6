"""Without a person: what comes back by itself, and mail moved while the daemon was dead."""

from tests.crash.accident import PROVIDERS


def next_provider(accident):
    return PROVIDERS[PROVIDERS.index(accident.route()[0]) - 1]


def test_a_daemon_that_starts_while_the_helper_is_dead_agrees_when_it_comes_back(accident):
    to = next_provider(accident)
    accident.doom("helper", "reload", "before", accident.daemon.pid)
    accident.failover_cut_short(to)
    accident.died("helper")
    accident.died("daemon")
    accident.start_daemon()
    accident.until(lambda: accident.status()["route"]["problem"], 20, "the daemon says that the helper is missing")
    accident.start_helper()
    accident.agrees()
    assert accident.route()[0] == to


def test_a_move_cut_short_is_not_taken_for_failed_while_nobody_can_know(accident):
    accident.doom("helper", "reload", "before")
    accident.failover_cut_short(next_provider(accident))
    accident.died("helper")
    assert ["intended"] in accident.journal().values()
    code, problem = accident.ask("POST", "/v1/failover", {"to": accident.route()[0], "actor": "tester"})
    assert code == 503, problem
    assert "helper" in problem["detail"]
    accident.start_helper()
    accident.agrees()


def test_mail_moved_by_command_after_the_death_is_taken_over_after_the_move_cut_short(accident):
    to = next_provider(accident)
    accident.doom("daemon", "record", "before")
    accident.failover_cut_short(to)
    accident.died("daemon")
    later = next_provider(accident)
    moved = accident.world.command("failover", "--to", later, "--for", "0s", "--reason", "by hand")
    assert moved.returncode == 0, moved.stderr
    accident.start_daemon()
    accident.agrees()
    assert accident.route()[0] == later
    assert list(accident.journal().values())[-2:] == [["intended", "applied"], ["imported"]]


def test_mail_moved_past_a_running_daemon_is_taken_over_by_it(accident):
    """As when the command could not reach the daemon, and acted directly."""
    to = next_provider(accident)
    socket = accident.world.directory / "api.sock"
    aside = socket.with_name("aside.sock")
    socket.rename(aside)
    moved = accident.world.command("failover", "--to", to, "--for", "0s")
    aside.rename(socket)
    assert moved.returncode == 0, moved.stderr
    accident.ask("GET", f"/v1/plan?to={to}")  # it reads the route back; otherwise it does every half minute
    accident.agrees()
    assert accident.route()[0] == to
