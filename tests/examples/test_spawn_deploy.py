"""The manifests and images of spawn: lossless by their settings (C1, C2, C3), and plain for those without rainbow."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml
from demo.stage import copy_spawn

SPAWN = Path(__file__).parents[2] / "examples" / "spawn"
Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def rendered() -> dict[tuple[str, str], Manifest]:
    """The objects that `kubectl apply -k` would send, by kind and name."""
    return render(SPAWN / "deploy")


def render(folder: Path) -> dict[tuple[str, str], Manifest]:
    """Render a kustomize base; its objects by kind and name."""
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=True)
    return {(m["kind"], m["metadata"]["name"]): m for m in yaml.safe_load_all(done.stdout)}


def test_the_base_holds_what_is_expected(rendered: dict[tuple[str, str], Manifest]) -> None:
    """Two Deployments with a disruption budget each, one Service, one Ingress, all in the namespace given later."""
    assert sorted(rendered) == [
        ("Deployment", "api"),
        ("Deployment", "worker"),
        ("Ingress", "spawn"),
        ("PodDisruptionBudget", "api"),
        ("PodDisruptionBudget", "worker"),
        ("Service", "api"),
    ]
    assert not any("namespace" in manifest["metadata"] for manifest in rendered.values())


@pytest.mark.parametrize("name", ["api", "worker"])
def test_a_deployment_is_updated_without_loss(rendered: dict[tuple[str, str], Manifest], name: str) -> None:
    """New pods first, two different probes, a grace period longer than all that happens in it, several replicas."""
    spec = rendered["Deployment", name]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    environment = {e["name"]: e.get("value") for e in container["env"]}
    pre_stop = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["replicas"] >= 2
    assert container["readinessProbe"]["httpGet"]["path"] != container["livenessProbe"]["httpGet"]["path"]
    # 3 s is how long the services go on answering (SPAWN_LINGER_SECONDS).
    assert pod["terminationGracePeriodSeconds"] > pre_stop + 3 + float(environment["SPAWN_GRACE_SECONDS"])
    assert name == "worker" or pre_stop > 0


@pytest.mark.parametrize("name", ["api", "worker"])
def test_a_container_has_no_rights_it_does_not_need(rendered: dict[tuple[str, str], Manifest], name: str) -> None:
    """Not root, nothing to write to, no capability, the runtime's own seccomp profile, no token."""
    pod = rendered["Deployment", name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_what_selects_pods_finds_them(rendered: dict[tuple[str, str], Manifest]) -> None:
    """Service and budgets select the pods of their own Deployment only, and the route leads to the Service."""
    pods = {name: rendered["Deployment", name]["spec"]["template"]["metadata"]["labels"] for name in ("api", "worker")}

    def selected(labels: dict[str, str]) -> list[str]:
        return [name for name, of_pod in pods.items() if labels.items() <= of_pod.items()]

    assert selected(rendered["Service", "api"]["spec"]["selector"]) == ["api"]
    for name in pods:
        budget = rendered["PodDisruptionBudget", name]["spec"]
        assert selected(budget["selector"]["matchLabels"]) == [name]
    (rule,) = rendered["Ingress", "spawn"]["spec"]["rules"]
    assert [path["backend"]["service"]["name"] for path in rule["http"]["paths"]] == ["api"]


def test_every_pod_is_scraped(rendered: dict[tuple[str, str], Manifest]) -> None:
    """Both Deployments tell the drain signal, on the port that the container listens on."""
    for name in ("api", "worker"):
        template = rendered["Deployment", name]["spec"]["template"]
        port = template["spec"]["containers"][0]["ports"][0]["containerPort"]
        assert template["metadata"]["annotations"] == {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(port),
            "prometheus.io/path": "/metrics",
        }


def test_a_copy_has_the_bus_and_the_host_of_its_namespace(
    rendered: dict[tuple[str, str], Manifest], tmp_path: Path
) -> None:
    """What the demo and the tests release differs from the example in bus and host only, and shares no bus with it."""
    copy_spawn(tmp_path, "test-1")
    copy = render(tmp_path / "deploy")
    for name in ("api", "worker"):
        (container,) = copy["Deployment", name]["spec"]["template"]["spec"]["containers"]
        bus = {"name": "SPAWN_BUS", "value": "test-1"}
        assert container["env"].count(bus) == 1
        container["env"].remove(bus)
    copy["Ingress", "spawn"]["spec"]["rules"][0]["host"] = "spawn.localhost"
    assert copy == rendered


def test_the_requirements_are_pinned_and_name_no_host() -> None:
    """Every requirement has an exact version and hashes, and no address of a registry is in the file."""
    text = (SPAWN / "requirements.txt").read_text()
    pinned = re.findall(r"^(\S+)==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert {"aiohttp", "nats-py", "prometheus-client"} <= set(pinned)
    assert len(pinned) == len(re.findall(r"^\w", text, re.MULTILINE))
    assert "://" not in text
