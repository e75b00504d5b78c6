"""What the daemon records is what compare shows: incidents as the fold saw them, over restarts."""

from datetime import timedelta
from pathlib import Path

import pytest

from service.answers import compare_view
from service.decision.compare import compare
from service.decision.severity import Severity
from service.memory import Memory
from service.store.store import open_store
from tests.core.story import DOWN, POLICY, START, A, B, C, Story
from tests.store.conftest import SetClock

HOUR = timedelta(hours=1)


@pytest.mark.anyio
async def test_an_outage_is_one_incident_though_the_daemon_restarts_in_it(tmp_path: Path) -> None:
    story, url = Story(), f"sqlite:///{tmp_path}/s.db"
    memory = Memory(open_store(url, SetClock()), POLICY)
    memory.load(START)

    async def told() -> None:
        assert await memory.record(story.facts)
        story.facts.clear()

    for minute in range(60):
        story.wait(60)
        story.sweep({A: DOWN} if 20 <= minute < 40 else None)
        if minute % 10 == 5:
            story.round({A: "spam"} if minute < 20 else None)
        await told()
        if minute == 30:
            memory.close()
            memory = Memory(open_store(url, SetClock()), POLICY)
            memory.load(story.now)
    records = await memory.ask(lambda store: store.records(START, story.now))
    memory.close()
    refusing = [i for i in records.incidents if i.receiver == "*" and i.severity is Severity.REFUSING]
    assert [(i.provider, i.ended_at is not None) for i in refusing] == [(A, True)]
    assert 19 <= (refusing[0].ended_at - refusing[0].began_at).total_seconds() / 60 <= 21
    found = compare_view(compare(records, POLICY.providers, POLICY.receivers, {}))
    rows = {row.provider: row for row in found.rows if row.receiver == "*"}
    assert 0.6 < rows[A].availability_ratio < 0.7
    assert rows[B].availability_ratio == rows[C].availability_ratio == 1.0
    assert (rows[A].incidents_without_mail, rows[B].incidents) == (1, 0)
    assert rows[A].sessions.n == rows[B].sessions.n == 60
    assert rows[A].sessions.good == 40
    assert rows[A].spam.good == 12
    spam = next(d for d in found.differences if (d.signal, d.receiver, d.first, d.second) == ("placement", "*", A, B))
    assert (spam.rounds, spam.second_better, spam.only_second) == (4, 2, 12)
    assert "Too little was measured to tell" in found.note
