"""The node's network on the host: one interface for its address, one nftables table for its rules.

All rules are in the table `rainbow`; removing the table removes them. What other programs make for the cluster (the
service proxy's tables, the host port chains of the CNI plugins) is removed by its name, and tables that iptables
creates in passing only if they were not there before and hold nothing.
"""

from __future__ import annotations

import json
import shlex
import shutil
import socket
import subprocess
from typing import Any

from cluster.context import Context
from cluster.parts.command import run

TABLE = "rainbow"
PROXY_TABLES = (("ip", "kube-proxy"), ("ip6", "kube-proxy"))
# The portmap plugin's chains: one for each pod with host ports, and three that all of them share.
PORTS_OF_POD = "CNI-DN-"
PORTS_SHARED = "CNI-HOSTPORT-"
OWN_PORTS = f'dnat name: "{TABLE}"'

RULES = """\
table inet {table}
delete table inet {table}
table inet {table} {{
  # Pods speak to the world with the host's address.
  chain leaving {{
    type nat hook postrouting priority srcnat;
    ip saddr {pods} ip daddr != {{ {pods}, {node} }} masquerade
  }}
  # The API server listens on the node's address only; the host reaches it on its own loopback.
  chain loopback {{
    type nat hook output priority -100;
    ip daddr 127.0.0.1 tcp dport {api} dnat ip to {address}:{api}
  }}
  # From outside the machine there is no way in, neither to the node nor to a pod.
  chain arriving {{
    type filter hook input priority filter - 5;
    ip daddr {node} iifname != {{ "lo", "{interface}" }} iifname != "veth*" drop
  }}
  chain passing {{
    type filter hook forward priority filter - 5;
    ip daddr {pods} iifname != "veth*" ct state new drop
  }}
}}
"""


def rules(context: Context) -> str:
    """Return the table as a script for nft; loading it twice is loading it once."""
    return RULES.format(
        table=TABLE,
        pods=context.pod_subnet,
        node=context.node_subnet,
        api=context.ports.api,
        address=context.node_address,
        interface=context.interface,
    )


def up(context: Context) -> None:
    """Make the interface and load the rules."""
    _remember(context)
    name = context.interface
    if not present(name):
        run("ip", "link", "add", name, "type", "bridge")
    run("ip", "address", "replace", f"{context.node_address}/{context.node_subnet.prefixlen}", "dev", name)
    run("ip", "link", "set", name, "up")
    run("nft", "-f", "-", stdin=rules(context))
    _open_forwarding(context)


def down(context: Context) -> None:
    """Remove the interface and every table, chain and rule of the cluster."""
    if shutil.which("nft") is None or shutil.which("ip") is None:
        return  # Without these nothing was ever made.
    _delete_tables(("inet", TABLE), *PROXY_TABLES)
    _close_forwarding(context)
    _remove_host_ports()
    _remove_empty_tables(context)
    if present(context.interface):
        run("ip", "link", "delete", context.interface)


def forget_services() -> None:
    """Remove the service proxy's tables while it does not run: it makes them anew, whatever state they were left in."""
    _delete_tables(*PROXY_TABLES)


def present(interface: str) -> bool:
    """Tell whether there is an interface of that name."""
    return interface in {name for _, name in socket.if_nameindex()}


def _open_forwarding(context: Context) -> None:
    """Let pods through where the host drops what it forwards, as Docker tells it to."""
    if not _try("iptables", "-w", "-S", "FORWARD").startswith("-P FORWARD DROP"):
        return
    _close_forwarding(context)
    for match in _forwarded(context):
        run("iptables", "-w", "-I", "FORWARD", *match)


def _close_forwarding(context: Context) -> None:
    for match in _forwarded(context):
        _try("iptables", "-w", "-D", "FORWARD", *match)


def _forwarded(context: Context) -> list[tuple[str, ...]]:
    mark = ("-m", "comment", "--comment", TABLE, "-j", "ACCEPT")
    return [(side, str(context.pod_subnet), *mark) for side in ("-s", "-d")]


def _delete_tables(*tables: tuple[str, str]) -> None:
    for family, name in sorted(_tables().intersection(tables)):
        run("nft", "delete", "table", family, name)


def _remember(context: Context) -> None:
    note = context.run / "tables-before.json"
    if not note.exists():
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(sorted(_tables())), encoding="utf-8")


def _tables() -> set[tuple[str, str]]:
    listing: dict[str, Any] = json.loads(run("nft", "-j", "list", "tables"))
    return {(item["table"]["family"], item["table"]["name"]) for item in listing["nftables"] if "table" in item}


def _remove_host_ports() -> None:
    """Remove what the portmap plugin left: our pods' chains, and the shared ones when no other network has ports.

    Where pods start side by side the plugin may add a jump to a shared chain twice, so every jump is looked for.
    """
    if PORTS_SHARED not in (listed := _nat()):
        return
    _remove_chains(listed, {_target(rule) for rule in _jumps(listed, PORTS_OF_POD) if _is_own(rule)})
    listed = _nat()
    if PORTS_OF_POD not in listed:
        made = [line.split()[1] for line in listed.splitlines() if line.startswith("-N ")]
        _remove_chains(listed, {chain for chain in made if chain.startswith(PORTS_SHARED)})


def _remove_chains(listed: str, chains: set[str]) -> None:
    for rule in _jumps(listed, ""):
        if _target(rule) in chains:
            _try("iptables", "-w", "-t", "nat", "-D", *rule[1:])
    for step in ("-F", "-X"):
        for chain in chains:
            _try("iptables", "-w", "-t", "nat", step, chain)


def _jumps(listed: str, target: str) -> list[list[str]]:
    rules = [shlex.split(line) for line in listed.splitlines() if line.startswith("-A ")]
    return [rule for rule in rules if _target(rule).startswith(target)]


def _target(rule: list[str]) -> str:
    return rule[rule.index("-j") + 1] if "-j" in rule else ""


def _is_own(rule: list[str]) -> bool:
    return any(OWN_PORTS in word for word in rule)


def _nat() -> str:
    return _try("iptables", "-w", "-t", "nat", "-S")


def _remove_empty_tables(context: Context) -> None:
    note = context.run / "tables-before.json"
    if not note.exists():
        return
    before = {(family, name) for family, name in json.loads(note.read_text(encoding="utf-8"))}
    for family, name in _tables() - before:
        if family not in {"ip", "ip6"} or name not in {"nat", "filter", "mangle", "raw"}:
            continue
        content: dict[str, Any] = json.loads(run("nft", "-j", "list", "table", family, name))
        if not any("rule" in item for item in content["nftables"]):
            run("nft", "delete", "table", family, name)
    note.unlink()


def _try(*arguments: str) -> str:
    # Chains that are not there are the aim, not a failure.
    return subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=False).stdout
