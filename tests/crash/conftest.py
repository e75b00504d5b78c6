import contextlib

import pytest

from tests.crash.accident import Accident


@pytest.fixture(scope="session")
def _accidents():
    """The world that the tests share; after a failure the next test gets a fresh one."""
    with contextlib.ExitStack() as stack:
        yield {"stack": stack}


@pytest.fixture
def accident(_accidents, request):
    """Daemon and helper at work on a real Postfix, in agreement."""
    if "there" not in _accidents:
        _accidents["stack"].close()
        _accidents["there"] = _accidents["stack"].enter_context(Accident.temporary())
    accident = _accidents.pop("there")
    accident.both_run()
    accident.all_work()
    yield accident
    if not request.node.stash.get(FAILED, False):
        _accidents["there"] = accident


FAILED = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report
