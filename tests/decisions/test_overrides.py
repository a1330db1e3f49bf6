"""What an operator sets for an app is checked before anything is written."""

from typing import Any

import pytest

from rainbow.decisions.overrides import flat, keys, merge_patch, overridden, refuse_unfit
from rainbow.errors import BadInput
from rainbow.model.policy import Policy, PolicySpec
from rainbow.model.release import Phase
from tests.decisions.make import HOUR, release

PLAIN = Policy(namespace="spawn", app="spawn", spec=PolicySpec(retention={"keep": 2}))
WATCH = {
    "traffic": 'r{release="$release"}',
    "watch": [{"name": "errors", "query": 'e{release="$release"}', "limit": 0.1}],
}


@pytest.mark.parametrize(
    ("key", "value", "retention"),
    [
        ("retention.minimumAge", "2h", {"keep": 2, "minimumAge": "2h"}),
        ("retention.keep", 3, {"keep": 3}),
        ("retention.keep", None, {}),
        ("retention.minimumAge", None, {"keep": 2}),
    ],
)
def test_a_key_is_set_or_taken_back(key: str, value: Any, retention: dict[str, Any]) -> None:
    """The others stay as they are."""
    assert overridden(PLAIN, [(key, value)]).spec.retention == retention


@pytest.mark.parametrize(
    "key",
    ["keep", "retention", "retention.minimum_age", "retention.max", "drain.prometheus", "bake.watch.name", "hold.by"],
)
def test_a_key_that_no_policy_has_is_wrong_input(key: str) -> None:
    """And the ones that there are, are named."""
    with pytest.raises(BadInput, match=rf"{key} is no key of a policy; there are: retention\.minimumAge"):
        overridden(PLAIN, [(key, "1")])


@pytest.mark.parametrize(
    ("retention", "wrong"),
    [
        ({"maximumDrainAge": "30m"}, "retention: maximumDrainAge 30m is not above minimumAge 1h"),
        ({"keep": -1}, "retention.keep: "),
        ({"keep": "many"}, "retention.keep: "),
        ({"minimumAge": "soon"}, "retention.minimumAge: "),
        ({"overdue": "perhaps"}, "retention.overdue: "),
    ],
)
def test_a_policy_that_cannot_be_is_wrong_input(retention: dict[str, Any], wrong: str) -> None:
    """A maximum age below the minimum above all, which may stand in another place: in the release's rainbow.yaml."""
    with pytest.raises(BadInput, match="does not fit release v1 of app spawn") as caught:
        refuse_unfit(PLAIN.model_copy(update={"spec": PolicySpec(retention=retention)}), [release("v1")])
    assert wrong in str(caught.value)


def test_a_bake_can_be_changed_where_there_is_one() -> None:
    """Without its queries it is none."""
    longer = Policy(namespace="spawn", app="spawn", spec=PolicySpec(bake={"duration": "1h"}))
    refuse_unfit(longer, [release("v1", bake=WATCH)])
    assert longer.in_force(release("v1", bake=WATCH).spec.app).bake.duration == HOUR  # type: ignore[union-attr]
    with pytest.raises(BadInput, match=r"release v2 of app spawn: bake\.traffic"):
        refuse_unfit(longer, [release("v2")])


QUERY, SUM = "drain.prometheus.query", 'sum(tasks{release="$release"})'


def test_a_wrong_question_about_work_is_put_right() -> None:
    """Else a release would keep it until it is overdue, or for ever. What else is asked stays as it was."""
    changed = overridden(PLAIN, [(QUERY, SUM), ("drain.prometheus.samples", 5)])
    assert changed.spec.drain == {"prometheus": {"query": SUM, "samples": 5}}
    asked = changed.in_force(release("v1").spec.app).drain.prometheus
    assert (asked.query, asked.samples, asked.url) == (SUM, 5, "http://prometheus:9090")
    assert overridden(changed, [("drain.prometheus.samples", None)]).spec.drain == {"prometheus": {"query": SUM}}
    assert overridden(changed, [("drain.prometheus.samples", None), (QUERY, None)]).spec == PLAIN.spec


@pytest.mark.parametrize(
    ("key", "value", "wrong"),
    [
        (QUERY, "sum(tasks)", r"drain\.prometheus\.query: found 'sum\(tasks\)', expected \$release in it"),
        (QUERY, SUM + " or vector(0)", "turns unknown into zero"),
        ("drain.jetstream.stream", "TASKS", r"drain\.jetstream\.url"),
    ],
)
def test_a_question_about_work_is_checked_as_in_rainbow_yaml(key: str, value: str, wrong: str) -> None:
    """By one that makes up a zero, releases would be deleted while at work."""
    with pytest.raises(BadInput, match=wrong):
        refuse_unfit(overridden(PLAIN, [(key, value)]), [release("v1")])


def test_every_key_of_the_sections_is_known() -> None:
    """Down to what is a value, which a list is."""
    assert {"retention.keep", "bake.watch", "drain.shrink.minimum", "drain.jetstream.subjects"} < set(keys())
    assert all(key.split(".")[0] in ("retention", "bake", "drain") for key in keys())


def test_a_merge_patch_takes_away_what_is_gone() -> None:
    """As deep as it stands; what did not change is not in it."""
    before = {"a": {"b": 1, "c": {"d": 2}}, "e": [1], "f": 3}
    after = {"a": {"b": 2, "c": {}}, "e": [1]}
    assert merge_patch(before, after) == {"f": None, "a": {"b": 2, "c": {"d": None}}}
    assert dict(flat(before)) == {"a.b": 1, "a.c.d": 2, "e": [1], "f": 3}


def test_a_deleted_release_does_not_matter() -> None:
    """Nothing is judged of it any more."""
    refuse_unfit(PLAIN.model_copy(update={"spec": PolicySpec(retention={"keep": -1})}), [release(phase=Phase.DELETED)])
