"""What `rainbow plan` says of the schema of an app's database, for apps with `migrations` (F4, F5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rainbow.adapters.kube import Kube
from rainbow.adapters.survey import AppSeen
from rainbow.decisions.schema import newest_note
from rainbow.decisions.schema_outlook import declared, described, outlook
from rainbow.model.app import AppConfig
from rainbow.model.migrations import SchemaState
from steps.schema_facts import read_facts


def schema_now(kube: Kube, seen: AppSeen, now: datetime) -> Iterator[str]:
    """Its state by the records, and what each stage that may still run would do."""
    with_schema = [release for release in seen.releases if release.spec.app.migrations is not None]
    if not with_schema:
        return
    last = newest_note(seen.releases)
    if last is None:
        yield f"Nothing is known of the schema of {seen.app} yet: its first release with migrations asks the database"
        return
    state = SchemaState(version=last.version, backfilled=last.backfilled)
    yield f"The schema of {seen.app} has {described(state)}, by the records"
    for each in outlook(read_facts(kube, with_schema[-1], state, ending=True), now):
        yield f"  {each.release}: {each.stage} would {each.act}: {each.why}"


def schema_of(app: AppConfig) -> Iterator[str]:
    """What a release of a rainbow.yaml would do to it."""
    if app.migrations is not None:
        yield "Schema of the database:"
        yield from (f"  {line}" for line in declared(app.migrations))
