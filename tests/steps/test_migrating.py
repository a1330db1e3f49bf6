"""`expand`, `backfill` and `contract` against an emulated API server and database: each stage, each refusal."""

from __future__ import annotations

from typing import Any

import pytest
from books import APP, NAMESPACE, Books
from emulated import Emulated, answer
from shops import BUSY

from rainbow.adapters.kube import POD
from rainbow.adapters.proxy import Proxy
from rainbow.decisions.rolling import ROLLED_TO
from rainbow.errors import PermanentError, Refused, TemporaryError
from rainbow.model.migrations import Stage
from rainbow.model.names import APP_LABEL, release_labels
from rainbow.model.release import Mark, Phase
from steps import collect_garbage


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Books:
    """Nothing is released yet; the proxy knows each route at once."""
    made = Books()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    made.start()
    return made


def ready(books: Books) -> None:
    """v4 is current, and v3 drains; those before are gone."""
    books.live("v1", "v2")
    books.gone("v1")
    books.live("v3")
    books.backfill("v3")
    books.gone("v2")
    books.live("v4")


def test_all_four_come_after_each_other(books: Books) -> None:
    """F4: expand before each, the backfill after the switch, contract when nobody needs the old structure any more."""
    ready(books)
    books.gone("v3")
    books.contract("v4", later=True)
    assert books.database.done == ["to 1", "to 2", "to 3", "backfill", "to 4"]
    assert books.pods == []
    books.settled()
    state = books.record("v4").status.schema_state
    assert state is not None
    assert (state.version, state.contracted, state.waits) == (4, True, None)


def test_one_that_brings_no_change_is_not_expanded_but_asked_whether_it_fits(books: Books) -> None:
    """A hotfix with the rainbow.yaml of the release before runs nothing, and notes what it found."""
    books.live("v1")
    books.expand("v1")
    assert books.database.done == ["to 1"]
    assert "the database has version 1, with which release v1 works" in books.said[-1]


@pytest.mark.parametrize(
    ("before", "skipping", "said"),
    [
        (("v1",), "v3", "from version 2 to 3, and the database has version 1: a stage is skipped"),
        (("v1", "v2"), "v4", "v4 works with schema 3 to 4, all rows moved, and the database has version 2"),
        (("v1", "v2", "v3"), "v4", "only when all old rows are moved"),
    ],
)
def test_skipping_a_stage_is_refused(books: Books, before: tuple[str, ...], skipping: str, said: str) -> None:
    """Before anything of the release is there; it is marked as failed, and users stay where they are."""
    for name in before:
        books.live(name)
        books.gone(*(other for other in before if other < name))
    done = list(books.database.done)
    with pytest.raises(Refused, match=said):
        books.expand(skipping)
    assert books.database.done == done
    assert books.record(skipping).status.phase is Phase.FAILED
    assert books.current == before[-1]


def test_expand_is_refused_while_a_release_is_there_that_would_not_work(books: Books) -> None:
    """v1 says that it works with versions 1 and 2 only."""
    books.live("v1", "v2")
    with pytest.raises(Refused, match=r"expand would lead to version 3.*v1 \(Draining.*works with 1 to 2"):
        books.expand("v3")
    assert books.database.version == 2


def test_a_failed_expand_changes_nothing_that_users_see(books: Books) -> None:
    """The release is Failed, with the last lines of the container; and Retry runs it again."""
    books.live("v1")
    books.database.fails = [3]
    with pytest.raises(PermanentError, match=r"expand of release v2 of app shop failed with exit code 3(.|\n)*\| no"):
        books.expand("v2")
    assert books.record("v2").status.phase is Phase.FAILED
    assert books.current == "v1"
    state = books.record("v2").status.schema_state
    assert state is not None
    assert (state.version, state.under_way) == (1, None)
    books.expand("v2")
    assert books.record("v2").status.phase is Phase.PENDING
    books.settled()


def test_exit_code_75_of_the_container_means_try_again(books: Books) -> None:
    """As of our own steps: a lock that could not be had, a database that is away."""
    books.live("v1")
    books.database.fails = [75]
    with pytest.raises(TemporaryError, match="asks to be run again"):
        books.expand("v2")
    assert books.record("v2").status.phase is Phase.PENDING


def test_the_backfill_is_for_the_current_release_only(books: Books) -> None:
    """After a rollback nothing is moved; and one that has none says so."""
    books.live("v1", "v2")
    books.gone("v1")
    books.live("v3")
    books.rollback("v2")
    books.backfill("v3")
    books.backfill("v2")
    assert "backfill" not in books.database.done
    assert "v3 is not current, v2 is" in books.said[-2]


def test_a_backfill_that_failed_is_run_again(books: Books) -> None:
    """Users have long been on the release; its phase stays."""
    books.live("v1", "v2")
    books.gone("v1")
    books.live("v3")
    books.database.fails = [1]
    with pytest.raises(PermanentError, match="backfill of release v3"):
        books.backfill("v3")
    assert books.record("v3").status.phase is Phase.CURRENT
    books.backfill("v3")
    books.settled()


def test_who_waits_for_long_comes_back_and_finds_the_pod_at_work(books: Books) -> None:
    """A backfill may take days, and a step's pod has a deadline."""
    books.live("v1", "v2")
    books.gone("v1")
    books.live("v3")
    with pytest.raises(TemporaryError, match="is at work since"):
        books.backfill("v3", max_wait="0s")


IN_THE_WAY: dict[str, tuple[dict[str, Any], str]] = {
    "draining": ({}, "v3 (Draining"),
    "held": ({"hold": Mark(reason="look", by="ada", at="2026-05-04T12:00:00Z")}, "v3 (held by ada: look"),
    "a switch to it under way": ({"traffic": "switching"}, "v3 (a switch to it is under way"),
    "announced to be deleted": ({"phase": Phase.DELETED}, "v3 (Deleted"),
    "on the way again": ({"phase": Phase.TESTING, "live_at": None, "demoted_at": None}, "v3 (Testing"),
}


@pytest.mark.parametrize("case", IN_THE_WAY)
def test_contract_is_refused_with_the_names_of_those_in_the_way(books: Books, case: str) -> None:
    """F5; and in the workflow of the release, where it may be done later, it is noted and no failure."""
    ready(books)
    status, said = IN_THE_WAY[case]
    books.note("v3", **status)
    with pytest.raises(Refused) as refused:
        books.contract("v4")
    assert said in str(refused.value)
    assert "works with version 3" in str(refused.value)
    books.contract("v4", later=True)
    assert "contract has to wait" in books.said[-1]
    assert "rainbow contract -n shops shop v4" in books.said[-1]
    assert books.database.version == 3
    state = books.record("v4").status.schema_state
    assert state is not None
    assert said in (state.waits or "")


def test_a_collection_of_garbage_reminds_of_it(books: Books, told: dict[str, Any]) -> None:
    """Until it is done; nobody reads the log of a release that went well."""
    ready(books)
    told["v3"] = BUSY
    collect_garbage.run(collect_garbage.Params(namespace=NAMESPACE), books.world())
    reminder = "its contract to schema version 4 has not been done yet: rainbow contract -n shops shop v4"
    assert any(reminder in line for line in books.said)


def test_contract_waits_for_the_pods_of_a_deleted_release_to_end(books: Books) -> None:
    """They may read and write until their last moment, for as long as their grace period."""
    ready(books)
    books.gone("v3")
    pod = {"name": "web-v3-abc", "namespace": NAMESPACE, "labels": release_labels(APP, "v3")}
    spec = {"containers": [{"name": "web", "command": ["state"]}]}
    kube = Emulated(None, store=books.store)
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": pod, "spec": spec, "log": ""})
    with pytest.raises(Refused, match=r"v3 \(it is deleted, but 1 of its pods have not ended"):
        books.contract("v4", max_wait="20s")
    assert books.clock.passed > 20
    sleep = books.clock.sleep

    def ended(seconds: float) -> None:
        kube.delete(POD, NAMESPACE, "web-v3-abc")
        sleep(seconds)

    books.clock.sleep = ended  # type: ignore[method-assign]
    books.contract(None)
    assert books.database.version == 4


def test_contract_waits_for_the_pods_that_a_roll_has_replaced(books: Books) -> None:
    """They bear the label of no release, and end while the app is at the next one already (F2)."""
    ready(books)
    books.gone("v3")
    told = {"labels": {APP_LABEL: APP}, "annotations": {ROLLED_TO: "v3"}}
    spec = {"containers": [{"name": "web", "command": ["state"]}]}
    pod = {"metadata": {"name": "web-abc", "namespace": NAMESPACE, **told}, "spec": spec, "log": ""}
    kube = Emulated(None, store=books.store)
    kube.create({"apiVersion": "v1", "kind": "Pod"} | pod)
    with pytest.raises(Refused, match=r"v3 \(it is deleted, but 1 of its pods have not ended"):
        books.contract("v4", max_wait="20s")
    assert books.database.version == 3
    kube.delete(POD, NAMESPACE, "web-abc")
    books.contract("v4")
    assert books.database.version == 4


def test_a_record_that_cannot_be_read_is_in_the_way(books: Books) -> None:
    """Unknown is not zero (B1)."""
    ready(books)
    books.gone("v3")
    books.store.objects["releases", NAMESPACE, "shop-v2"]["spec"].pop("app")
    with pytest.raises(Refused, match=r"v2 \(its record cannot be read"):
        books.contract("v4")


def test_contract_waits_while_an_operator_holds_the_app(books: Books) -> None:
    """B5."""
    ready(books)
    books.gone("v3")
    hold = {"reason": "an audit", "by": "ada", "at": "2026-05-04T12:00:00Z"}
    meta = {"name": APP, "namespace": NAMESPACE}
    Emulated(None, store=books.store).create(
        {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": meta, "spec": {"hold": hold}}
    )
    with pytest.raises(Refused, match="app shop is held by ada"):
        books.contract("v4")


def test_only_the_current_release_contracts(books: Books) -> None:
    """After a rollback the old structure is what is used."""
    ready(books)
    books.rollback("v3")
    with pytest.raises(Refused, match="v4 is not current, v3 is"):
        books.contract("v4")


def test_a_rollback_to_a_release_whose_schema_is_gone_is_refused(books: Books) -> None:
    """Before anything moves, though nobody has deleted it: a backup was played back, say, or a record was forged."""
    ready(books)
    books.gone("v3")
    books.contract("v4")
    books.note("v3", phase=Phase.DRAINED, deleted_at=None)
    with pytest.raises(Refused, match="its schema is gone: v3 works with schema version 3, and the database has"):
        books.rollback("v3")
    with pytest.raises(Refused, match="no earlier release"):
        books.rollback()
    with pytest.raises(Refused, match="v3 works with schema version 3"):
        books.switch("v3", allow_older=True)
    assert books.current == "v4"


def test_disagreement_of_database_and_records_stops_everything(books: Books) -> None:
    """It names both; and a person may say that the database is right."""
    books.live("v1", "v2")
    books.gone("v1")
    books.store.seen = lambda: None
    books.database.version = 1  # a backup was played back
    with pytest.raises(Refused, match="the database says that its schema has version 1, and the records say version 2"):
        books.expand("v3")
    assert books.database.version == 1
    books.database.version, books.database.backfilled = 3, False
    with pytest.raises(Refused, match="--trust-database"):
        books.expand("v3")
    books.expand("v3", trust_database=True)
    books.settled()
    books.database.backfilled = True
    with pytest.raises(Refused, match="its old rows are moved, and the records say they are not moved"):
        books.expand("v3")


def test_one_at_a_time(books: Books) -> None:
    """The pod of another stage or release is left alone, and whoever comes next waits for its end."""
    books.live("v1", "v2")
    books.gone("v1")
    books.live("v3")
    run, tried = books.database.run, []

    def meanwhile(command: list[str]) -> tuple[int, str]:
        if command == ["backfill"] and not tried:
            tried.append(command)
            books.clock.sleep(10_000)  # the lock has run out; the pod is there
            with pytest.raises(TemporaryError, match="at work on backfill of release v3"):
                books.expand("v5")
        return run(command)

    books.submit("v5")
    books.database.run = meanwhile  # type: ignore[method-assign]
    books.backfill("v3")
    assert tried
    books.settled()


def test_the_state_has_to_be_understood(books: Books) -> None:
    """Anything but the line that is expected is no state."""
    books.database.run = lambda _command: (0, "all is well")  # type: ignore[method-assign]
    with pytest.raises(PermanentError, match="expected a last line such as"):
        books.expand("v1")


def test_a_container_that_lies_is_found_out(books: Books) -> None:
    """It ended well, and the database has not changed."""
    run = books.database.run
    books.database.run = lambda command: (0, "") if command[0] == "to" else run(command)  # type: ignore[method-assign]
    with pytest.raises(PermanentError, match=r"ended well, but the database says version 0.*expected version 1"):
        books.expand("v1")


def test_what_is_begun_is_noted_before(books: Books) -> None:
    """So that who is killed afterwards leaves no doubt."""
    noted: list[Any] = []
    run = books.database.run

    def watching(command: list[str]) -> tuple[int, str]:
        if command[0] == "to":
            noted.append(books.record("v1").status.schema_state)
        return run(command)

    books.database.run = watching  # type: ignore[method-assign]
    books.expand("v1")
    assert [(n.version, n.under_way, n.to) for n in noted] == [(0, Stage.EXPAND, 1)]


def test_a_dry_run_asks_and_changes_nothing(books: Books) -> None:
    """What would be done, by the schema as the records have it."""
    books.expand("v1", dry_run=True)
    assert "nothing is known of its schema yet" in books.said[-1]
    ready(books)
    before = books.store.version
    books.contract("v4", dry_run=True)
    assert "contract of release v4 would wait: in the way" in books.said[-1]
    assert books.store.version == before
