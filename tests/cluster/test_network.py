"""What is made on the host's network is taken away again, and what was there before stays.

Each test runs in a network namespace of its own, so that the machine's network is never touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("nft") is None or shutil.which("iptables") is None,
    reason="needs root, and nft and iptables, which come with the first `rainbow cluster up`",
)

PRELUDE = """
import subprocess, sys
from pathlib import Path
from cluster import network
from cluster.context import Context

context = Context(home=Path(sys.argv[1]), cache=Path(sys.argv[1]))

def sh(command):
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout

def ports():
    # As the portmap plugin leaves them after a crash; twice, as it does when pods start side by side.
    sh("iptables -t nat -N CNI-HOSTPORT-DNAT; iptables -t nat -N CNI-DN-one; iptables -t nat -N CNI-HOSTPORT-SETMARK")
    sh("iptables -t nat -A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT")
    sh("iptables -t nat -A CNI-DN-one -s 10.202.0.0/16 -j CNI-HOSTPORT-SETMARK")
    name = 'dnat name: "rainbow" id: "1"'
    sh(f"iptables -t nat -A CNI-HOSTPORT-DNAT -m comment --comment '{name}' -j CNI-DN-one")
"""


def inside(directory: Path, script: str) -> str:
    """Run Python in a new network namespace and return what it printed."""
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", PRELUDE + script, str(directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parent.parent.parent,
    )
    if "unshare failed" in done.stderr:
        pytest.skip("no network namespace can be made here")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_node_gets_its_address_and_its_table(tmp_path: Path) -> None:
    """Up twice is one interface and one table."""
    printed = inside(
        tmp_path,
        "network.up(context); network.up(context); print(sh('ip -br address show rainbow0; nft list tables'))",
    )

    assert "10.201.0.1/24" in printed
    assert printed.count("table inet rainbow") == 1


def test_down_leaves_nothing(tmp_path: Path) -> None:
    """No interface, no table of its own nor of the service proxy, none that iptables made in passing."""
    printed = inside(
        tmp_path,
        "network.up(context); sh('nft add table ip kube-proxy'); ports(); ports();"
        "assert 'CNI' in sh('iptables -t nat -S'); network.down(context);"
        "print(sh('nft list tables; ip -br link show rainbow0'))",
    )

    assert printed.strip() == ""


def test_down_keeps_what_belongs_to_others(tmp_path: Path) -> None:
    """Another program's table, rules, and its host ports through the same plugin stay."""
    printed = inside(
        tmp_path,
        "sh('nft add table inet firewall; iptables -A INPUT -p tcp --dport 22 -j ACCEPT');"
        "network.up(context); ports(); sh('iptables -t nat -N CNI-DN-other;"
        " iptables -t nat -A CNI-HOSTPORT-DNAT -j CNI-DN-other'); network.down(context);"
        "print(sh('nft list tables; iptables -S INPUT; iptables -t nat -S'))",
    )

    assert "table inet firewall" in printed
    assert "--dport 22" in printed
    assert "-j CNI-DN-other" in printed
    assert "-j CNI-HOSTPORT-DNAT" in printed
    assert "CNI-DN-one" not in printed


def test_pods_get_through_where_docker_drops(tmp_path: Path) -> None:
    """Two rules while the cluster is up, none after; the host's policy is never changed."""
    printed = inside(
        tmp_path,
        "sh('iptables -P FORWARD DROP'); network.up(context); network.up(context); print(sh('iptables -S FORWARD'));"
        "network.down(context); print('after', sh('iptables -S FORWARD'))",
    )
    before, after = printed.split("after")

    assert before.count("10.202.0.0/16") == 2
    assert after.strip() == "-P FORWARD DROP"
