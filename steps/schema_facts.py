"""Reading all that a stage of a schema change is decided by, but for the database itself."""

from __future__ import annotations

from collections.abc import Sequence

from rainbow.adapters.kube import Kube
from rainbow.adapters.migrations import pods_of_releases
from rainbow.adapters.policies import read_policy, under
from rainbow.adapters.records import list_records
from rainbow.adapters.routes import read_route
from rainbow.adapters.routes.moving import NOWHERE
from rainbow.decisions.carriers import carriers
from rainbow.decisions.schema_users import SchemaFacts
from rainbow.model.migrations import SchemaState
from rainbow.model.release import Release
from rainbow.model.route import RouteState


def read_facts(kube: Kube, release: Release, state: SchemaState, *, ending: bool) -> SchemaFacts:
    """Everything as it is now. `ending`: also which pods of deleted releases have not ended yet.

    The records come first: whoever switches marks one of them before the route moves.
    """
    namespace, app = release.namespace, release.app
    records, unreadable = list_records(kube, namespace, app)
    policy = read_policy(kube, namespace, app)
    route = read_current_route(kube, records)
    return SchemaFacts(
        release=next((r for r in records if r.id == release.id), release),
        releases=[under(policy, r, ("retention", "bake")) for r in records],  # by which they are kept
        state=state,
        current=route.current,
        previous=route.previous,
        hold=policy.spec.hold,
        unreadable={record.release: record.why for record in unreadable},
        pods=pods_of_releases(kube, namespace, app) if ending else {},
    )


def read_current_route(kube: Kube, releases: Sequence[Release]) -> RouteState:
    """The route that leads to a release, of all that they name."""
    known = (read_route(kube, carrier.release.spec.app, though_gone=True) for carrier in carriers(releases))
    return next((state for state in known if state.current is not None), NOWHERE)
