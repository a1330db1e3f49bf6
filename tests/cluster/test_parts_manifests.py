"""The manifests of the embedded cluster's parts: complete, pinned, and closed to the outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.context import Context
from cluster.parts import health, manifests
from rainbow.errors import PermanentError

PARTS = ("coredns", "workflow-controller", "argoexec", "traefik", "nats", "prometheus", "discover", "registry", "git")
IMAGES = {name: f"rainbow.local/{name}:0123456789ab" for name in PARTS}


@pytest.fixture
def documents(tmp_path: Path) -> list[dict[str, Any]]:
    """All manifests, rendered for a cluster in a directory of its own."""
    context = Context(home=tmp_path / "home", cache=tmp_path / "cache")
    stream = manifests.render_all(manifests.values(context, IMAGES))
    return [document for document in yaml.safe_load_all(stream) if document]


def deployments(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the Deployments by name."""
    return {item["metadata"]["name"]: item for item in documents if item["kind"] == "Deployment"}


def containers(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield every container of every Deployment."""
    for deployment in deployments(documents).values():
        yield from deployment["spec"]["template"]["spec"]["containers"]


def test_what_is_waited_for_is_what_is_deployed(documents: list[dict[str, Any]]) -> None:
    """Every Deployment in the manifests is one that `up` waits for, in the same namespace, and the other way."""
    found = {name: item["metadata"]["namespace"] for name, item in deployments(documents).items()}
    assert found == health.DEPLOYMENTS


def test_every_container_is_pinned_probed_and_modest(documents: list[dict[str, Any]]) -> None:
    """Images come with the digest of their content; readiness, liveness and requests are always given."""
    for container in containers(documents):
        assert container["image"] in IMAGES.values()
        assert container["readinessProbe"]
        assert container["livenessProbe"]
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}


def test_no_part_runs_as_root(documents: list[dict[str, Any]]) -> None:
    """Each pod refuses root, and each container drops all capabilities and writes to volumes only."""
    for deployment in deployments(documents).values():
        assert deployment["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    for container in containers(documents):
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["allowPrivilegeEscalation"] is False


def test_host_ports_are_on_the_loopback_only(documents: list[dict[str, Any]]) -> None:
    """Nothing of the embedded cluster can be reached from another machine."""
    ports = [port for container in containers(documents) for port in container["ports"] if "hostPort" in port]
    assert {port["hostIP"] for port in ports} == {"127.0.0.1"}
    assert sorted(port["hostPort"] for port in ports) == [14222, 15000, 18080, 19090, 19418]


def test_every_service_finds_its_pods(documents: list[dict[str, Any]]) -> None:
    """A Service's selector and named ports are those of a Deployment in the same namespace."""
    for service in (item for item in documents if item["kind"] == "Service"):
        templates = [
            item["spec"]["template"]
            for item in deployments(documents).values()
            if item["metadata"]["namespace"] == service["metadata"]["namespace"]
            and service["spec"]["selector"].items() <= item["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert len(templates) == 1
        names = {port.get("name") for container in templates[0]["spec"]["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


def test_no_role_is_boundless(documents: list[dict[str, Any]]) -> None:
    """No rule has an asterisk: each right is named."""
    rules = [rule for item in documents if item["kind"] == "ClusterRole" for rule in item["rules"]]
    assert rules
    assert not [rule for rule in rules if "*" in {*rule["verbs"], *rule["resources"], *rule["apiGroups"]}]


def test_prometheus_reads_the_file_that_is_kept_for_it(documents: list[dict[str, Any]]) -> None:
    """Both containers name one file on one shared volume; targets are scraped every two seconds."""
    settings = next(i for i in documents if i["kind"] == "ConfigMap" and i["metadata"]["name"] == "prometheus")
    content = yaml.safe_load(settings["data"]["prometheus.yml"])
    [discovery] = content["scrape_configs"][0]["file_sd_configs"]
    [file] = discovery["files"]
    pod = deployments(documents)["prometheus"]["spec"]["template"]["spec"]
    keeper = next(item for item in pod["containers"] if item["name"] == "discover")
    assert f"--file={file}" in keeper["args"]
    assert {"name": "targets", "emptyDir": {"sizeLimit": "16Mi"}} in pod["volumes"]
    for container in pod["containers"]:
        assert "/targets" in [mount["mountPath"] for mount in container["volumeMounts"]]
    assert content["global"]["scrape_interval"] == "2s"


def test_an_unknown_value_is_an_error() -> None:
    """A name that nobody gave a value stops the start, and is named."""
    with pytest.raises(PermanentError, match="NOBODY_KNOWS"):
        manifests.render("a: ${NOBODY_KNOWS}", {"KNOWN": "1"})


def test_dollars_that_are_no_value_stay() -> None:
    """Other programs' own placeholders are left alone."""
    assert manifests.render("replacement: $1:$2 ${A}", {"A": "x"}) == "replacement: $1:$2 x"


def test_a_changed_setting_changes_the_digest() -> None:
    """The digest follows every value in the manifest, so that a pod with other settings is started anew."""
    text = "digest: ${DIGEST}\nport: ${PORT}"
    assert manifests.render(text, {"PORT": "1"}).split()[1] != manifests.render(text, {"PORT": "2"}).split()[1]


@pytest.mark.parametrize(
    ("resolvers", "expected"),
    [
        pytest.param(["nameserver 10.0.0.2\n"], ["10.0.0.2"], id="the host's own server"),
        pytest.param(["nameserver 127.0.0.53\n", "nameserver 10.0.0.2\n"], ["10.0.0.2"], id="behind a local cache"),
        pytest.param(["nameserver 127.0.0.53\nnameserver 10.0.0.3\n"], ["10.0.0.3"], id="the loopback is left out"),
        pytest.param(["nameserver fe80::1%eth0\n"], ["fe80::1%eth0"], id="an address with a zone"),
        pytest.param(["nameserver ::1\n"], [], id="only the loopback"),
        pytest.param(["# nameserver 10.0.0.2\nsearch x\n"], [], id="none"),
    ],
)
def test_dns_never_asks_itself(resolvers: list[str], expected: list[str]) -> None:
    """CoreDNS forwards to servers outside this machine only: the loopback's would ask CoreDNS again."""
    assert manifests.upstream(resolvers) == expected
