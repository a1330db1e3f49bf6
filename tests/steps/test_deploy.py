"""What `deploy` refuses to touch, against an emulated API server; the rest is in tests/on_cluster/test_deploy.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from emulated import Emulated, StoppedClock, Store

from rainbow.adapters.belongings import DELETABLE
from rainbow.adapters.kube import DEPLOYMENT, POLICY, SERVICE, Object
from rainbow.adapters.lock import LOCKING, read_lease
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.decisions.rendering import RELEASABLE
from rainbow.errors import BadInput, Conflict, PermanentError, Refused, TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, ReleaseSpec, new_record
from steps import deploy
from tests.decisions.lint.make import autoscaler
from tests.decisions.make import app as described

SHOP = {"namespace": "shops", "app": "shop", "release": "v1"}


class Cluster:
    """Records of releases whose base is one bare Service, and the step."""

    def __init__(self) -> None:
        self.kube = Emulated(None, store=Store())
        self.lines: list[str] = []

    def submit(self, app: str = "shop", release: str = "v1", service: str = "web", *more: Object) -> None:
        """The record."""
        config: AppConfig = described(app=app, namespace="shops")
        base = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": service}, "spec": {"type": "x"}}, *more]
        manifests = "\n---\n".join(json.dumps(obj) for obj in base)
        self.kube.create(new_record(ReleaseSpec(release=release, app=config, manifests=manifests)))

    def deploy(self, *, run: str = "", **params: Any) -> None:
        """Run the step; `run` is the uid of its workflow, none when a person runs it."""
        world = World(self.kube, clock=StoppedClock(), say=self.lines.append, run=run)
        deploy.run(deploy.Params.model_validate(SHOP | params), world)

    def make(self, name: str, labels: dict[str, str] | None) -> Object:
        """A Service that is there already."""
        meta = {"name": name, "namespace": "shops", "labels": labels}
        return self.kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"mine": True}})

    def service(self, name: str) -> Object | None:
        """The Service as it is now."""
        return self.kube.get(SERVICE, "shops", name)


@pytest.fixture
def cluster() -> Cluster:
    """An empty one."""
    return Cluster()


@pytest.mark.parametrize("labels", [None, release_labels("other", "v1"), release_labels("shop", "v2")])
def test_what_is_not_its_own_is_not_taken_over(cluster: Cluster, labels: dict[str, str] | None) -> None:
    """Refused by name with the next action; neither the object nor the inventory is written, nor anything else."""
    before = cluster.make("web-v1", labels)
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    cluster.submit("shop", "v1", "web", config_map)
    for dry_run in (True, False):
        with pytest.raises(Refused, match=r"(?s)Service web-v1 .*under another id"):
            cluster.deploy(dry_run=dry_run)
    assert cluster.service("web-v1") == before
    assert not any(plural == "configmaps" for plural, _, _ in cluster.kube.store.objects)
    status = read_release(cluster.kube, "shops", "shop", "v1").status
    assert (status.phase, status.objects) == (Phase.FAILED, [])


def test_two_releases_of_one_app_may_not_meet_in_a_name(cluster: Cluster) -> None:
    """`web` in release `a-v1` and `web-a` in release `v1` would be one Service."""
    cluster.submit(release="a-v1", service="web")
    cluster.deploy(release="a-v1")
    before = cluster.service("web-a-v1")
    cluster.submit(release="v1", service="web-a")
    with pytest.raises(Refused, match="Service web-a-v1 belongs to release a-v1 of app shop"):
        cluster.deploy(release="v1")
    assert cluster.service("web-a-v1") == before


def test_its_own_is_applied_again(cluster: Cluster) -> None:
    """Run twice it is one release, on the very object that was there."""
    cluster.submit()
    cluster.deploy()
    first = cluster.service("web-v1")
    cluster.deploy()
    again = cluster.service("web-v1")
    assert first is not None
    assert again is not None
    assert first["metadata"]["uid"] == again["metadata"]["uid"]


def test_what_appears_between_the_look_and_the_write_is_not_taken_over(cluster: Cluster) -> None:
    """Somebody is faster by a moment: a conflict, so that the next run looks again, and refuses."""
    cluster.submit()

    def meanwhile(when: str) -> None:
        record = read_release(cluster.kube, "shops", "shop", "v1")
        if when == "before" and record.status.objects and ("services", "shops", "web-v1") not in store.objects:
            meta = {"name": "web-v1", "namespace": "shops"}
            store.put(("services", "shops", "web-v1"), {"apiVersion": "v1", "kind": "Service", "metadata": meta})

    store = cluster.kube.store
    cluster.kube.around = meanwhile
    with pytest.raises(Conflict):
        cluster.deploy()
    cluster.kube.around = lambda _when: None
    with pytest.raises(Refused, match="was made by somebody else"):
        cluster.deploy()
    assert "labels" not in store.objects["services", "shops", "web-v1"]["metadata"]


def test_what_takes_the_place_of_its_own_is_not_taken_over(cluster: Cluster) -> None:
    """Removed and made anew by somebody between the look and the write: the uid is a precondition."""
    cluster.submit()
    cluster.deploy()
    key, store = ("services", "shops", "web-v1"), cluster.kube.store
    theirs: Object = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web-v1", "namespace": "shops"}}

    def meanwhile(method: str, path: str) -> None:
        if method == "PATCH" and path.endswith("/services/web-v1"):
            store.put(key, theirs)

    cluster.kube.called = meanwhile
    with pytest.raises(PermanentError, match=r"metadata\.uid"):
        cluster.deploy()
    assert "labels" not in store.objects[key]["metadata"]


@pytest.mark.slow
def test_users_are_said_to_be_untouched_only_when_there_are_none(cluster: Cluster) -> None:
    """The current release, deployed again by hand, has users."""
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "web", "image": "web"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": pod}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    cluster.submit("shop", "v1", "web", deployment)
    with pytest.raises(PermanentError, match=r"(?s)is not ready after .*Users are untouched\."):
        cluster.deploy()
    note(cluster.kube, read_release(cluster.kube, "shops", "shop", "v1"), phase=Phase.CURRENT, traffic="100%")
    with pytest.raises(PermanentError, match="users may notice") as error:
        cluster.deploy()
    assert "untouched" not in str(error.value)


def test_a_record_of_the_same_name_is_not_taken_for_another(cluster: Cluster) -> None:
    """App `shop-a`, release `v1` and app `shop`, release `a-v1` have one record name."""
    cluster.submit(app="shop-a", release="v1")
    with pytest.raises(BadInput, match="is the record of release v1 of app shop-a"):
        cluster.deploy(release="a-v1")


def test_a_kind_without_rights_leaves_no_inventory(cluster: Cluster) -> None:
    """`delete` never has to look for what nobody could apply."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "all"}}
    cluster.submit("shop", "v1", "web", role)
    with pytest.raises(Refused, match=r"Role all .* apply it once beside the releases"):
        cluster.deploy()
    assert cluster.service("web-v1") is None
    assert read_release(cluster.kube, "shops", "shop", "v1").status.objects == []


@pytest.mark.parametrize(
    ("step", "rules", "more"),
    [
        ("deploy", [rule for rule in deploy.RULES if "create" in rule["verbs"] and rule not in LOCKING], set()),
        # The release's own routes are made by `switch`.
        ("delete", DELETABLE, {("networking.k8s.io", "ingresses"), ("gateway.networking.k8s.io", "httproutes")}),
    ],
)
def test_the_rights_are_for_the_kinds_of_a_release(step: str, rules: list[dict[str, Any]], more: set[Any]) -> None:
    """What is not refused can be applied, and removed again; nothing else can be."""
    kinds = {(group, f"{kind.lower()}s".replace("ys", "ies")) for group, found in RELEASABLE.items() for kind in found}
    assert {(g, r) for rule in rules for g in rule["apiGroups"] for r in rule["resources"]} == kinds | more


def _route_to_plain(cluster: Cluster, selector: dict[str, str]) -> None:
    """What runs as plain Deployments: the app's Ingress, and a Service that belongs to no release."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": "spawn", "namespace": "shops"}
    head = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
    cluster.kube.create(head | {"metadata": meta, "spec": {"rules": [rule]}})
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shops"}}
    cluster.kube.create(service | {"spec": {"selector": selector}})


def test_pods_that_a_plain_service_behind_the_route_would_catch_are_refused(cluster: Cluster) -> None:
    """S6: what was never adopted selects by plain labels, which the pods of a release have too; nothing is deployed."""
    pods = {"metadata": {"labels": {"part": "web"}}, "spec": {"containers": [{"name": "web", "image": "web"}]}}
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    cluster.submit(
        "shop", "v1", "web", web | {"spec": {"selector": {"matchLabels": {"part": "web"}}, "template": pods}}
    )
    _route_to_plain(cluster, {"part": "web"})
    for dry_run in (True, False):
        with pytest.raises(Refused, match=r"before its switch: route spawn leads to web, .* adopt it first"):
            cluster.deploy(dry_run=dry_run)
    assert cluster.service("web-v1") is None
    assert read_release(cluster.kube, "shops", "shop", "v1").status.objects == []
    cluster.kube.patch(SERVICE, "shops", "web", {"spec": {"selector": {"part": "docs"}}})
    cluster.deploy(dry_run=True)
    assert "deploy would apply 2 objects" in cluster.lines[-3]


def _holder(cluster: Cluster) -> str | None:
    lease = read_lease(cluster.kube, "shops", "shop")
    return lease.holder if lease else None


def test_the_lock_of_the_app_is_kept_for_the_next_step_of_the_workflow(cluster: Cluster) -> None:
    """Rule 4: from deploy to switch. Run by hand, nobody goes on with it; and who fails does not block the next."""
    cluster.submit()
    cluster.deploy()
    assert _holder(cluster) is None
    cluster.deploy(run="workflow")
    assert _holder(cluster) == "v1/workflow"
    with pytest.raises(TemporaryError, match="v1/workflow holds it"):
        cluster.deploy(run="another")
    cluster.kube.delete(SERVICE, "shops", "web-v1")
    cluster.make("web-v1", release_labels("other", "v1"))
    with pytest.raises(Refused):
        cluster.deploy(run="workflow")
    assert _holder(cluster) is None


def test_nothing_is_deployed_while_the_app_is_held(cluster: Cluster) -> None:
    """B5: it could not be switched to; the record says who holds the app, and after that a retry takes it up."""
    cluster.submit()
    hold = {"reason": "moving the database", "by": "ada", "at": "2026-05-04T12:00:00Z"}
    head = {"apiVersion": POLICY.api_version, "kind": POLICY.kind}
    cluster.kube.create(head | {"metadata": {"name": "shop", "namespace": "shops"}, "spec": {"hold": hold}})
    with pytest.raises(Refused, match=r"held by ada .*moving the database.*rainbow resume -n shops shop"):
        cluster.deploy(run="workflow")
    assert cluster.service("web-v1") is None
    assert read_release(cluster.kube, "shops", "shop", "v1").status.phase is Phase.FAILED
    cluster.kube.delete(POLICY, "shops", "shop")
    cluster.deploy(run="workflow")
    assert cluster.service("web-v1") is not None
    assert read_release(cluster.kube, "shops", "shop", "v1").status.phase is Phase.TESTING


@pytest.mark.parametrize(("given", "begun"), [({}, 3), ({"replicas": 7}, 7)])
def test_who_leaves_its_size_to_an_autoscaler_begins_with_the_least(
    cluster: Cluster, given: dict[str, int], begun: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The autoscaler looks in now and then: until then there would be one pod, and the switch may come before."""
    monkeypatch.setattr(deploy, "wait_until_ready", lambda *_: None)
    pods = {"metadata": {"labels": {"part": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    spec = {"selector": {"matchLabels": {"part": "web"}}, "template": pods, **given}
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    cluster.submit("shop", "v1", "web", web, autoscaler(minReplicas=3))
    cluster.deploy()
    live = cluster.kube.get(DEPLOYMENT, "shops", "web-v1")
    assert live is not None
    assert live["spec"]["replicas"] == begun
    cluster.kube.patch(DEPLOYMENT, "shops", "web-v1", {"spec": {"replicas": 5}})
    cluster.deploy()  # as by Retry
    live = cluster.kube.get(DEPLOYMENT, "shops", "web-v1")
    assert live is not None
    assert live["spec"]["replicas"] == given.get("replicas", 5)
