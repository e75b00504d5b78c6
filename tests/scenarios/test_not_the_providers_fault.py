"""Given a fault that no provider is to blame for, nothing moves, and relaypilot says whose fault it is."""


def test_nothing_moves_when_one_seed_mailbox_is_closed(scene):
    scene.world.fault("gmail-1", "seed_down")
    scene.stays(rounds=3)
    seeds = scene.status()["seeds"]
    assert seeds["gmail-1"], "status says why this seed cannot be searched"
    assert not any(problem for name, problem in seeds.items() if name != "gmail-1")
    assert all(p["health"]["status"] == "healthy" for p in scene.status()["providers"]), scene.report()


def test_nothing_moves_when_one_seed_is_slow_and_another_full(scene):
    scene.world.fault("microsoft-1", "seed_slow", 4)
    scene.world.fault("yahoo-2", "seed_full")
    scene.stays(rounds=4)
    said = "\n".join(scene.get("/v1/explain")["evidence"])
    assert "Mail to the seed microsoft-1 at microsoft arrives late through every provider" in said, said
    assert "Mail to the seed yahoo-2 at yahoo is not found through every provider" in said, said
    assert all(p["health"]["status"] == "healthy" for p in scene.status()["providers"]), scene.report()


def test_nothing_moves_when_this_host_is_cut_off_and_it_says_why(scene):
    before = scene.world.postfix.postconf("relayhost")
    scene.world.fault("host", "local_net")

    scene.until(lambda: "All providers are out of reach at once since" in scene.sentence(), 30, "it says why")
    scene.stays(seconds=5)
    explanation = scene.get("/v1/explain")
    assert explanation["rule"] == "local-fault"
    assert "this is our own network, so nothing counts against them and nothing is moved" in explanation["sentence"]
    assert explanation["sentence"] in scene.world.command("status").stdout
    assert scene.world.postfix.postconf("relayhost") == before

    scene.world.heal()
    scene.until(lambda: "out of reach" not in scene.sentence(), 20, "one answer ends the local fault")
    scene.stays(seconds=4)


def test_nothing_moves_when_every_provider_fails_at_once_and_it_says_why(scene):
    before = scene.world.postfix.postconf("relayhost")
    scene.world.fault("all", "down")

    why = "No better provider is proven: sendgrid is no better (refusing); acme is no better (refusing)."
    scene.until(lambda: why in scene.sentence(), 30, "it says why")
    scene.stays(seconds=5)
    explanation = scene.get("/v1/explain")
    assert explanation["rule"] == "no-better-provider"
    assert explanation["sentence"].startswith("mailgun refuses mail: ")
    assert scene.world.postfix.postconf("relayhost") == before


def test_a_bad_recipient_and_bad_content_bounce_normally_and_move_nothing(scene):
    after = scene.last_seq()
    unknown = [scene.world.send(recipient=f"nosuch{n}@{domain}.test") for n, domain in enumerate(("gmail", "yahoo"))]
    refused = [scene.world.send(headers={"X-Sandbox-Content": "bad"}) for _ in range(2)]

    def returned():
        fates = {f.sent.id: f for f in scene.world.ledger.fates()}
        return all(fates[sent.id].bounced for sent in (*unknown, *refused))

    scene.until(returned, 30, "the senders get their mail back")
    for sent in (*unknown, *refused):
        lines = scene.world.postfix.deliveries(sent.queue_id)
        assert len(lines) == 1, lines
        assert "dsn=5." in lines[0]
        assert f":{scene.world.ports['mailgun']}, " in lines[0], "one provider's word is enough"
        assert "status=bounced" in lines[0]
    scene.stays(rounds=1)
    bad = [f for f in scene.facts(after) if f.get("outcome") == "bad"]
    assert {f["category"] for f in bad} == {"recipient", "content"}, bad
    assert scene.health("mailgun")["status"] == "healthy"
