"""Sending without pause, against a real server: at the rate, on kept and new connections, and nothing twice (J2)."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster.certificates import Authority, Subject
from rainbow.adapters.probe import Probe
from rainbow.adapters.probe.running import shared
from rainbow.decisions.answers import Answers
from rainbow.decisions.probing import judge
from rainbow.errors import PermanentError
from rainbow.model.probing import Plan, Target
from tests.adapters.probed import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def server() -> Iterator[Server]:
    """It ends with the test."""
    with Server().running() as made:
        yield made


def probed(server: Server, *targets: str, seconds: float = 1.0, **more: object) -> Answers:
    """Probe paths of the server: "POST /", "ws /live"."""
    urls = [text.replace("ws /", f"ws://127.0.0.1:{server.port}/") for text in targets]
    urls = [text if "://" in text else text.replace("/", f"{server.url}/", 1) for text in urls]
    plain = {"targets": tuple(Target.parse(url, "{}") for url in urls), "rate": 50, "seconds": seconds, "timeout": 5}
    probe = Probe(Plan.model_validate(plain | {"held_seconds": 0.3} | more))
    probe.start()
    over = probe.wait(20)
    probe.stop()
    assert over
    return probe.answers


def test_requests_are_sent_at_the_rate_over_all_targets_in_turn(server: Server) -> None:
    """Each answer names its release; every fifth request has a connection of its own, the others share theirs."""
    answers = probed(server, "/", "POST /orders", connections=3)
    verdict = judge(answers)
    assert verdict.good, verdict
    assert server.asked == {"GET /": 25, "POST /orders": 25}
    assert verdict.summary.releases["v1"].answers == 50
    assert 10 < len(server.connections) <= 13


def test_a_slow_answer_delays_no_other_request(server: Server) -> None:
    """Open-loop: though each answer takes half a second, all are sent when they are due."""
    begun = time.time()
    answers = probed(server, "/slow")
    summary = answers.summary()
    assert (summary.sent, summary.failed) == (50, 0)
    assert summary.releases["v1"].last - begun < 20
    assert summary.p50 is not None
    assert summary.p50 >= 500


def test_latency_counts_from_when_a_request_was_due(server: Server) -> None:
    """With a single connection each waits for those before it; a sender that waited would never know."""
    answers = probed(server, "/slow", seconds=0.2, rate=20, connections=1, fresh_every=0)
    assert answers.summary().longest is not None
    assert (answers.summary().longest or 0) > 1500


def test_nothing_is_sent_twice(server: Server) -> None:
    """A kept connection that is closed instead of an answer is a failure, though a GET might be repeated."""
    server.drop = True
    answers = probed(server, "/", fresh_every=0, connections=1)
    assert (answers.failed, server.asked["GET /"]) == (1, 50)
    assert "ServerDisconnectedError" in (answers.failures[0].error or "")


def test_statuses_are_told_apart(server: Server) -> None:
    """A redirect is an answer, and is not followed; 404 and 503 are failures with their text."""
    answers = probed(server, "/", "/missing", "/away-for-now", "/moved")
    verdict = judge(answers)
    failed = {name.rpartition("/")[2]: bad for name, (_, bad) in verdict.summary.targets.items()}
    assert failed == {"": 0, "missing": 13, "away-for-now": 12, "moved": 0}
    assert {burst.error.partition(":")[0] for burst in verdict.bursts} == {"status 404", "status 503"}


def test_the_release_may_stand_in_a_field_of_the_answer(server: Server) -> None:
    """Of JSON, one within another; an answer that lacks it names none."""
    assert list(probed(server, "/", release_field="of.release").summary().releases) == ["v2"]
    none = probed(server, "/", release_field="of.version", named=True)
    assert (none.failed, none.summary().releases) == (50, {})


def test_it_connects_where_it_is_told_to(server: Server) -> None:
    """Whatever the host of the URL, which the server is asked for."""
    answers = probed(server, "http://shop.example:81/", connect=f"127.0.0.1:{server.port}")
    assert judge(answers).good
    assert server.hosts == {"shop.example:81"}


def test_https_asks_for_the_certificate_of_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the URL, wherever it connects to, by a company's own authority; what nobody vouches for is a failure."""
    authority, now = Authority(tmp_path), datetime.now(UTC)
    authority.ensure(now)
    pair = authority.issue(Subject("shop", "shop", hosts=("shop.example",)), now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server = Server(context=context)
    thread, urls = server.start(), ("https://shop.example/", "wss://shop.example/live")
    try:
        where = {"connect": f"127.0.0.1:{server.port}", "users": 1}
        assert "CERTIFICATE_VERIFY_FAILED" in (probed(server, *urls, **where).failures[0].error or "")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.certificate))
        assert judge(probed(server, *urls, **where)).good
        assert probed(server, "https://other.example/", **where).failed == 50
    finally:
        server.stop()
        thread.join()


HELD = {
    "STREAM /events": None,
    "DOWNLOAD /": None,
    "ws /live": None,
    "ws /away": None,
    "DOWNLOAD /cut": "ClientPayloadError",
    "STREAM /cut": "ClientPayloadError",
    "DOWNLOAD /short": "ClientPayloadError",
    "STREAM /missing": "status 404",
    "ws /lost": "closed with code 1006",
    "ws /": "no WebSocket",
}


def test_what_is_held_must_not_break_off(server: Server) -> None:
    """A stream that ends in good order is begun anew; one that breaks off is a failure, each of its own kind."""
    verdict = judge(probed(server, *HELD, users=1, seconds=1.5))
    for target, error in HELD.items():
        method, path = target.replace("ws", "WEBSOCKET").split()
        where = f":{server.port}{path}"
        errors = {b.error for b in verdict.bursts if b.target.startswith(method) and b.target.endswith(where)}
        assert bool(errors) == (error is not None), (target, errors)
        assert all((error or "") in said for said in errors), (target, errors)
    sent = {name: count for name, (count, _) in verdict.summary.targets.items() if "/events" in name}
    assert all(3 <= count <= 6 for count in sent.values()), "each stream was held for 0.3 s, and begun anew"


def test_a_websocket_that_answers_no_ping_is_a_failure(server: Server) -> None:
    """It is there and open, and nobody is at the other end; one that says nothing but answers pings is good."""
    verdict = judge(probed(server, "ws /mute", "ws /live", users=1, seconds=4, held_seconds=4, timeout=0.5))
    assert {b.target.rpartition("/")[2] for b in verdict.bursts} == {"mute"}
    assert verdict.bursts[0].error == "status 101: no answer to a ping within 0.5 s"


def test_it_ends_at_its_bound(server: Server) -> None:
    """Whatever time is left."""
    assert len(probed(server, "/", seconds=None, most=20)) == 20


def test_it_ends_when_it_is_told_to(server: Server) -> None:
    """What was sent is waited for, and what is held is let go of; neither is a failure."""
    targets = (Target.parse(f"{server.url}/slow"), Target.parse(f"STREAM {server.url}/events"))
    probe = Probe(Plan(targets=targets, rate=20))
    probe.start()
    while len(probe.answers) < 3:
        time.sleep(0.05)
    probe.stop()
    assert probe.over
    assert judge(probe.answers).good
    assert len(probe.answers) == server.asked.total() + 2 + probe.answers.summary().targets[str(targets[0])][0]


def test_a_probe_that_breaks_says_so(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """Killed, it has shown nothing."""
    probe = Probe(Plan(targets=(Target.parse(f"{server.url}/"),)))
    probe.start()
    for sender in probe._senders:
        sender.kill()
    with pytest.raises(PermanentError, match="means nothing"):
        probe.stop()


def test_a_high_rate_is_shared_by_processes() -> None:
    """Each sends as much as one can in time; what is held is held by the first alone."""
    targets = (Target.parse("http://shop/"), Target.parse("STREAM http://shop/events"))
    plans = shared(Plan(targets=targets, rate=2500, most=100))
    assert [(round(plan.rate, 1), plan.most, plan.users) for plan in plans] == [
        (833.3, 34, 2),
        (833.3, 34, 0),
        (833.3, 34, 0),
    ]
    assert len(shared(Plan(targets=targets[1:], rate=2500))) == 1
