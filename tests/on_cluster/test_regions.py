"""Several regions through Argo: two namespaces of the embedded cluster stand for two clusters, by two contexts.

Two whole embedded clusters do not fit two cores. What differs between this and two API servers, that one may be away
while the other answers, is shown with emulated ones: tests/cli/test_regions.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from routes_app import SERVER, ingress
from spawn_app import RAINBOW
from tiny import APP, LINT, deployment, service

from rainbow.adapters.kube import INGRESS, Kind, Kube
from rainbow.adapters.records import read_release
from rainbow.model.release import Phase, Release

pytestmark = [pytest.mark.cluster, pytest.mark.long]

NAMESPACE = Kind("v1", "Namespace")
REGIONS = ("eu", "us")


@dataclass
class World:
    """The tiny app in two regions: a folder with its rainbow.yaml and an overlay for each, and a kubeconfig."""

    kube: Kube
    folder: Path
    namespaces: dict[str, str]

    def write(self, waves: list[list[str]], *, broken: bool = False) -> None:
        """rainbow.yaml and the overlays. `broken`: in the region us no pod ever becomes ready."""
        for region, namespace in self.namespaces.items():
            pods = deployment(["python3", "-c", SERVER])
            if broken and region == "us":
                pods["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = {"exec": {"command": ["false"]}}
            overlay = self.folder / region
            overlay.mkdir(exist_ok=True)
            objects = [pods, service(), ingress(f"{namespace}.localhost")]
            (overlay / "all.yaml").write_text(yaml.safe_dump_all(objects))
            (overlay / "kustomization.yaml").write_text("resources: [all.yaml]\n")
        each = {
            region: {"overrides": {"namespace": namespace, "manifests": {"kustomize": region}}}
            for region, namespace in self.namespaces.items()
        }
        each["us"]["overrides"]["readyTimeout"] = "5s" if broken else "90s"
        config: dict[str, Any] = {
            "app": APP,
            "namespace": "nowhere",
            "manifests": {"kustomize": "eu"},
            "route": {"ingress": {"name": "front", "url": "http://traefik.platform.svc.cluster.local:80"}},
            "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
            "readyTimeout": "90s",
            "lint": LINT,
            "clusters": {"waves": waves, "onFailure": "rollback", "each": each},
        }
        (self.folder / "rainbow.yaml").write_text(yaml.safe_dump(config))

    def rainbow(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command line with the kubeconfig of both regions."""
        environment = os.environ | {"KUBECONFIG": str(self.folder / "kubeconfig")}
        command = [RAINBOW, *words, "-f", str(self.folder / "rainbow.yaml")]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)

    def record(self, region: str, release: str) -> Release:
        """As it is now."""
        return read_release(self.kube, self.namespaces[region], APP, release)

    def backend(self, region: str) -> str:
        """The Service that users of the region reach."""
        found = self.kube.get(INGRESS, self.namespaces[region], "front")
        assert found is not None
        name: str = found["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
        return name


@pytest.fixture
def world(kube: Kube, tmp_path: Path) -> Iterator[World]:
    """Both regions, installed, and nothing released yet."""
    mark = uuid.uuid4().hex[:8]
    namespaces = {region: f"test-{region}-{mark}" for region in REGIONS}
    for namespace in namespaces.values():
        subprocess.run([RAINBOW, "install", "-n", namespace], check=True, stdout=sys.stderr)
    known = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    (context,) = [c["context"] for c in known["contexts"] if c["name"] == known["current-context"]]
    known["contexts"] = [{"name": region, "context": context} for region in REGIONS]
    del known["current-context"]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(known))
    yield World(kube, tmp_path, namespaces)
    for namespace in namespaces.values():
        kube.delete(NAMESPACE, None, namespace)


def test_a_release_goes_from_region_to_region_and_back_when_one_fails(world: World) -> None:
    """K4: one release in both; the next one fails in the second region, and the first one is back where it was."""
    world.write([["eu", "us"]])
    answer = world.rainbow("release", "--release", "v1", "-o", "json")
    assert answer.returncode == 0, answer.stderr
    result = json.loads(answer.stdout)
    assert result["outcome"] == "live"
    assert {c["cluster"]: (c["state"], c["current"]) for c in result["clusters"]} == {
        "eu": ("settled", True),
        "us": ("settled", True),
    }
    assert [world.backend(region) for region in REGIONS] == ["web-v1", "web-v1"]

    world.write([["eu"], ["us"]], broken=True)
    answer = world.rainbow("release", "--release", "v2", "-o", "json")
    assert answer.returncode == 1, answer.stderr
    result = json.loads(answer.stdout)
    assert {c["cluster"]: c["state"] for c in result["clusters"]} == {"eu": "rolled back", "us": "failed"}
    assert "us: deploy failed" in " ".join(result["reasons"])
    assert [world.backend(region) for region in REGIONS] == ["web-v1", "web-v1"]
    back = world.record("eu", "v2").status
    assert back.rejected is not None
    assert "release v2 failed in another cluster: us: deploy failed" in back.rejected.reason
    assert back.live_at is not None, "it was live there before it went on"
    assert world.record("us", "v2").status.phase is Phase.FAILED

    table = world.rainbow("status", APP, "--all-clusters")
    assert table.returncode == 0, table.stderr
    shown = {tuple(line.split()[:3]) for line in table.stdout.splitlines()}
    assert {("eu", "v1", "Current"), ("us", "v1", "Current"), ("us", "v2", "Failed")} <= shown, table.stdout

    again = world.rainbow("release", "--release", "v2", "-o", "json")
    assert again.returncode == 1, "nothing promotes what was rolled back, and the other region is not tried again"
    assert json.loads(again.stdout)["reasons"] == result["reasons"]
