"""The alerts, each firing and not firing, judged by Prometheus's own promtool; what is not known fires as well."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from promtool import IN_FORCE, LONG, Case, Series, endpoints, judge, promtool, record, schedule

from workflows.monitoring import assets

pytestmark = pytest.mark.slow  # hours of rules are evaluated

EVERY_TEN_MINUTES = " ".join(f"{run}+0x9" for run in range(40))
STOPS_AFTER_AN_HOUR = " ".join(f"{run}+0x9" for run in range(6)) + f" 6+0{LONG}"
V1 = {"namespace": "shops", "app": "shop", "release": "v1"}
SHOPS = {"namespace": "shops"}


def renamed(series: Series, minutes: int) -> Series:
    """The same, but kube-state-metrics is restarted after so many minutes, and is another instance then."""
    before = {name: f"{values.partition('+')[0]}+0x{minutes - 1} stale" for name, values in series.items()}
    after = {
        name.replace('instance="one"', 'instance="two"'): f"_x{minutes} {values}" for name, values in series.items()
    }
    return before | after


STUCK = [
    ("without a word from any step for an hour", 70, record("v1", None, created=0), [V1]),
    ("testing for an hour", 70, record("v1", "Testing", created=0), [V1]),
    ("testing for less than an hour", 60, record("v1", "Testing", created=0), []),
    ("tested, and waiting for a person", 130, record("v1", "Ready", created=0), []),
    ("live", 130, record("v1", "Current", created=0), []),
    ("redeployed just now", 110, record("v1", "Pending", created=0, redeployed=6000), []),
    ("redeployed an hour ago", 170, record("v1", "Pending", created=0, redeployed=6000), [V1]),
    ("told by another kube-state-metrics now", 70, renamed(record("v1", "Testing", created=0), 66), [V1]),
]
OVERDUE = [
    ("past its maximum drain age", 41, record("v1", "Draining", overdue=600), [V1]),
    ("a little past it", 35, record("v1", "Draining", overdue=600), []),
    ("not yet", 60, record("v1", "Draining", overdue=7200), []),
    ("done, and kept", 60, record("v1", "Drained", overdue=600), []),
    ("live again", 60, record("v1", "Current", overdue=600), []),
    ("without a maximum", 130, record("v1", "Draining", demoted=0), []),
]
UNKNOWN = [
    ("of which nobody can tell the tasks", 16, record("v1", "Draining", tasks="unknown"), [V1]),
    ("at whose tasks nobody has looked", 16, record("v1", "Draining"), [V1]),
    ("idle when last seen, and unknown since", 16, record("v1", "Drained", tasks="unknown"), [V1]),
    ("without tasks", 60, record("v1", "Draining", tasks="0"), []),
    ("with tasks", 60, record("v1", "Draining", tasks="3"), []),
    ("unknown for a moment", 10, record("v1", "Draining", tasks="unknown"), []),
    ("live", 130, record("v1", "Current", tasks="unknown"), []),
]
GARBAGE = [
    ("on schedule", 155, schedule(EVERY_TEN_MINUTES), []),
    ("never, since it was installed", 95, schedule(None), [SHOPS]),
    ("never, as every run fails", 95, schedule(f"0+0{LONG}"), [SHOPS]),
    ("never, but just installed", 95, schedule(None, created=5000), []),
    ("not for an hour and a half", 155, schedule(STOPS_AFTER_AN_HOUR), [SHOPS]),
    ("not for half an hour", 90, schedule(STOPS_AFTER_AN_HOUR), []),
    ("not, as it is suspended", 155, schedule(f"3+0{LONG}", suspended=1), []),
    (
        "on schedule, told by another kube-state-metrics now",
        130,
        schedule("0+0x9 1+0x9 2+0x9 3+0x9 4+0x9 5+0x9 6 stale")
        | schedule(f"_x61 6+0x9 7+0x9 8+0x9 9+0x9 10+0{LONG}", instance="two"),
        [],
    ),
]
SUSPENDED = [
    ("for a quarter of a day", 361, schedule(None, suspended=1), [SHOPS]),
    ("for an hour", 60, schedule(None, suspended=1), []),
    ("not at all", 365, schedule(None), []),
]
LIVE = record("v2", "Current")
ENDPOINTS = [
    ("ready", 60, LIVE | endpoints("a", "web-v2", release="v2"), []),
    (
        "none that is ready",
        3,
        LIVE | endpoints("a", "web-v2", release="v2", ready=0, unready=2),
        [V1 | {"release": "v2", "service": "web-v2"}],
    ),
    (
        "none at all",
        3,
        LIVE | endpoints("a", "web-v2", release="v2", ready=0),
        [V1 | {"release": "v2", "service": "web-v2"}],
    ),
    (
        "behind one of two Services",
        3,
        LIVE | endpoints("a", "web-v2", release="v2") | endpoints("b", "api-v2", release="v2", ready=0),
        [V1 | {"release": "v2", "service": "api-v2"}],
    ),
    (
        "in one of two slices",
        60,
        LIVE | endpoints("a", "web-v2", release="v2") | endpoints("b", "web-v2", release="v2", ready=0),
        [],
    ),
    (
        "of a release that is not live",
        60,
        LIVE
        | record("v1", "Draining")
        | endpoints("a", "web-v2", release="v2")
        | endpoints("b", "web-v1", release="v1", ready=0),
        [],
    ),
    ("of what is rolled", 3, LIVE | endpoints("a", "web", ready=0), [{**SHOPS, "app": "shop", "service": "web"}]),
    ("of what is rolled, ready", 60, LIVE | endpoints("a", "web"), []),
    (
        "and no Service either, while another app has some",
        3,
        LIVE | endpoints("a", "web-v1", release="v1", app="other"),
        [V1 | {"release": "v2"}],
    ),
]
WELL = schedule(EVERY_TEN_MINUTES) | LIVE | endpoints("a", "web-v2", release="v2")
UNREAD = schedule(EVERY_TEN_MINUTES) | endpoints("a", "web-v2", release="v2")
UNOBSERVED = [
    ("all", 100, WELL, []),
    ("nothing at all", 16, {"up": IN_FORCE}, [{"missing": "schedules"}]),
    ("no schedule", 16, LIVE | endpoints("a", "web-v2", release="v2"), [{"missing": "schedules"}]),
    ("no release any more", 90, WELL | dict.fromkeys(LIVE, "1+0x60 stale"), [{"missing": "releases"}]),
    ("no release ever, though some run", 200, UNREAD, [{"missing": "releases"}]),
    ("no endpoint of any app", 16, schedule(EVERY_TEN_MINUTES) | LIVE, [{"missing": "endpoints"}]),
    ("an installation without releases", 100, schedule(EVERY_TEN_MINUTES), []),
]
TABLES = {
    "RainbowReleaseStuck": STUCK,
    "RainbowDrainOverdue": OVERDUE,
    "RainbowDrainUnknown": UNKNOWN,
    "RainbowGarbageNotCollected": GARBAGE,
    "RainbowGarbageCollectionSuspended": SUSPENDED,
    "RainbowLiveReleaseWithoutEndpoints": ENDPOINTS,
    "RainbowUnobserved": UNOBSERVED,
}


@pytest.mark.parametrize("alert", TABLES)
def test_an_alert_fires_when_it_should_and_only_then(alert: str, tmp_path: Path) -> None:
    """By the rules as they are printed, in the engine that evaluates them."""
    cases = [Case(sentence, minute, series, tuple(fires)) for sentence, minute, series, fires in TABLES[alert]]
    assert not judge(assets.rules(), alert, cases, tmp_path)


def test_a_wrong_expectation_is_noticed(tmp_path: Path) -> None:
    """The tests above can fail: neither one alert too many nor one too few passes."""
    stuck = record("v1", "Testing", created=0)
    for case in (Case("none expected", 70, stuck), Case("one expected", 30, stuck, (V1,))):
        assert "FAILED" in judge(assets.rules(), "RainbowReleaseStuck", [case], tmp_path), case.sentence


def test_every_alert_is_shown_firing_and_not_firing() -> None:
    """An alert that was never seen to fire is none, and so is one that always fires."""
    there = {rule["alert"] for group in assets.rules()["groups"] for rule in group["rules"] if "alert" in rule}
    assert there == set(TABLES)
    for alert, table in TABLES.items():
        assert {bool(row[3]) for row in table} == {True, False}, alert


def test_promtool_finds_nothing_wrong_with_the_rules(tmp_path: Path) -> None:
    """Names, expressions, templates: what Prometheus itself would refuse to load."""
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(assets.rules()))
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", directory=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
