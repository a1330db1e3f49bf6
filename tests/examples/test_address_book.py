"""The four releases of the address book as files: they come after each other, and work beside their neighbours (F4)."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from address_book.people import STAGES, statements

from rainbow.adapters.config_file import read_config
from rainbow.model.migrations import Migrations

BOOK = Path(__file__).parents[2] / "examples" / "address-book"
SQL = BOOK / "address_book" / "migrations" / "sql"


def migrations(stage: str) -> Migrations:
    """As rainbow reads them."""
    found = read_config(BOOK / f"rainbow-{stage}.yaml").migrations
    assert found is not None
    return found


@pytest.mark.parametrize(("before", "after"), list(pairwise(STAGES)))
def test_neighbours_work_with_one_schema(before: str, after: str) -> None:
    """What the later one expands to, the earlier one works with; else nobody could go back."""
    left, right = migrations(before), migrations(after)
    version = right.expand.to if right.expand else right.needs.minimum
    assert left.needs.include(version)
    assert right.needs.include(version)


def test_each_change_leads_one_version_up_and_has_its_statements() -> None:
    """From the empty database to the last contract, and a file of SQL for each."""
    changes = [m.expand or m.contract for m in map(migrations, STAGES)]
    assert [change.to for change in changes if change] == [1, 2, 3, 4]
    assert sorted(path.name[0] for path in SQL.glob("*.sql")) == ["1", "2", "3", "4"]


def test_contract_comes_last_and_the_release_before_it_is_in_its_way() -> None:
    """2.2 reads the old columns."""
    contract = migrations("2.3").contract
    assert contract is not None
    assert [stage for stage in STAGES if migrations(stage).needs.include(contract.to)] == ["2.3"]


@pytest.mark.parametrize("stage", STAGES)
def test_each_release_has_all_statements(stage: str) -> None:
    """The API is the same in all of them."""
    found = statements(stage)
    assert all("%(" in text for text in (found.FIND, found.LIST, *found.ADD[:1], *found.MOVE[:1]))


def test_the_old_columns_are_only_named_where_they_are_needed() -> None:
    """2.3 works with and without them."""
    found = statements("2.3")
    assert not re.search(r"p\.(street|city)", " ".join((found.FIND, found.LIST, *found.ADD, *found.MOVE)))


def test_the_base_is_lossless_by_its_settings() -> None:
    """New pods first, two different probes, a grace period that covers everything in it (C1, C2, C3)."""
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    done = subprocess.run([kubectl, "kustomize", BOOK / "deploy"], capture_output=True, text=True, check=True)
    rendered: dict[str, dict[str, Any]] = {obj["kind"]: obj for obj in yaml.safe_load_all(done.stdout)}
    assert sorted(rendered) == ["Deployment", "Ingress", "PodDisruptionBudget", "Service"]
    spec = rendered["Deployment"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert container["readinessProbe"]["httpGet"]["path"] != container["livenessProbe"]["httpGet"]["path"]
    # preStop, then 3 s in which it still answers, then 20 s for what is open.
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > pause + 3 + 20


def test_the_requirements_are_pinned_and_name_no_host() -> None:
    """Every requirement has an exact version and hashes, and no address of a registry is in the file."""
    text = (BOOK / "requirements.txt").read_text()
    pinned = re.findall(r"^(\S+)==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert {"psycopg", "psycopg-binary", "psycopg-pool"} <= set(pinned)
    assert len(pinned) == len(re.findall(r"^\w", text, re.MULTILINE))
    assert "://" not in text
