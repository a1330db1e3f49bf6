"""Helm, by way of the `helm` of whoever releases: `$RAINBOW_HELM`, else the one on PATH. Versions 3 and 4.

A chart is rendered on the machine of the command line, without asking a cluster: the record of a release holds plain
manifests, and neither the steps nor a redeployment need helm. What helm says is passed on without the values it saw.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from rainbow.errors import BadInput, PermanentError
from rainbow.model.manifests import HelmChart

OLDEST = (3, 10)  # the first that knows --set-json
TIMEOUT = 60  # seconds; it only reads local files
PULL_TIMEOUT = 300
GETTING = "see helm.sh/docs/intro/install; another one than that on PATH is named by RAINBOW_HELM"
_SECRET = re.compile(
    r"secret|passw|passphrase|pwd|token|credential|private|keys?$|auth|cert|crt|dsn|salt", re.IGNORECASE
)
_WITH_PASSWORD = re.compile(r"://[^/\s@]*:[^/\s]*@")  # an address with a login in it
_HIDDEN = "…"
_SPECIAL, _ESCAPED = r"([.,=\[\]\\])", r"\\\1"  # in the path of a value


def helm() -> str:
    """The program, when it is new enough. Raises BadInput, with how to get one."""
    program = os.environ.get("RAINBOW_HELM") or shutil.which("helm")
    if program is None:
        raise BadInput(f"the manifests are a Helm chart, and helm is not installed here: {GETTING}")
    try:
        said = _run([program, "version", "--template", "{{.Version}}"], TIMEOUT)
    except OSError as error:
        raise BadInput(f"{program} cannot be run ({error.strerror}): {GETTING}") from error
    found = re.match(r"v?(\d+)\.(\d+)", said.stdout.strip())
    version = (int(found[1]), int(found[2])) if found and said.returncode == 0 else None
    if version is None:
        raise BadInput(f"{program} does not say its version, as helm does: {GETTING}")
    if version < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise BadInput(f"{program} is helm {said.stdout.strip()}, and {wanted} or newer is needed: {GETTING}")
    return program


@contextmanager
def at_hand(program: str, chart: HelmChart, folder: Path) -> Iterator[Path]:
    """The chart as a folder or a packaged file: the one beside rainbow.yaml, else pulled for as long as this lasts.

    Raises BadInput when there is none.
    """
    local = folder / chart.chart
    remote = chart.repo is not None or chart.chart.startswith("oci://")
    if not remote and local.exists():
        yield local
        return
    if not remote and (chart.chart.startswith((".", "/")) or chart.chart.count("/") != 1 or chart.version is None):
        raise BadInput(
            f"there is no chart {local}: expected a folder with Chart.yaml or a .tgz, relative to rainbow.yaml; or "
            "oci://…, a name with `repo`, or REPO/NAME of `helm repo add` with a `version`"
        )
    with tempfile.TemporaryDirectory(prefix="rainbow-chart-") as name:
        options = [*_option("--repo", chart.repo), *_option("--version", chart.version)]
        options += ["--plain-http"] if chart.plain_http else []
        done = _run([program, "pull", chart.chart, *options, "--destination", name], PULL_TIMEOUT)
        pulled = sorted(Path(name).glob("*.tgz"))
        if done.returncode or not pulled:
            raise BadInput(f"helm cannot pull the chart {chart.chart}: {_said(done.stderr)}")
        yield pulled[0]


def template(program: str, chart: HelmChart, at: Path, folder: Path, names: tuple[str, str]) -> str:
    """The chart rendered, hooks and all but its CRDs and notes. `names`: of the release and of the namespace.

    Raises BadInput with helm's own words, without any value that looks like a secret.
    """
    files = [folder / name for name in chart.values]
    known = [at / "values.yaml", *files]
    arguments = [
        *("template", names[0], str(at), "--namespace", names[1]),
        *(part for file in files for part in ("--values", _listed(file))),
        *(part for text in settings(chart.set) for part in ("--set-json", text)),
        *_option("--kube-version", chart.kube_version),
        *(part for version in chart.api_versions for part in ("--api-versions", version)),
    ]
    done = _run([program, *arguments], TIMEOUT)
    if done.returncode:
        said = _said(hidden(done.stderr, secrets(known, chart.set)))
        more = ""
        if "missing in charts/" in said:
            more = f"; fetch what it stands on first: helm dependency build {at}"
        raise BadInput(f"helm cannot render the chart {chart.chart}: {said}{more}")
    return done.stdout


def settings(given: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Each value with its path, in helm's own words: what is beside it in a file of values stays as it is there."""
    for key, value in given.items():
        # At the top a key is a path itself (image.tag); below, a dot is a part of its name.
        path = f"{above}.{re.sub(_SPECIAL, _ESCAPED, str(key))}" if above else str(key)
        if isinstance(value, Mapping) and value:
            yield from settings(value, path)
        else:
            yield f"{path}={json.dumps(value)}"


def secrets(files: Sequence[Path], given: dict[str, Any]) -> set[str]:
    """Every value that looks like a secret: by its key, or by the name of its file."""
    found: set[str] = set(_texts(given, secret=False))
    for file in files:
        try:
            values = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            continue  # helm says what is wrong with it
        found |= set(_texts(values, secret=bool(_SECRET.search(file.name))))
    return {form for text in found for form in _forms(text) if len(form) > 2}


def _forms(text: str) -> Iterator[str]:
    """A text as it may be repeated: as it is, encoded, in quotes, and line by line."""
    yield text
    yield base64.b64encode(text.encode()).decode()
    if len(text.splitlines()) > 1:
        yield json.dumps(text.strip(), ensure_ascii=False)[1:-1]
        yield from (line.strip() for line in text.splitlines())


def hidden(text: str, values: set[str]) -> str:
    """The text without these values, the longest first."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, _HIDDEN)
    return text


def _texts(value: Any, *, secret: bool) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, secret=secret or bool(_SECRET.search(str(key))))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, secret=secret)
    elif value is not None and not isinstance(value, bool) and (secret or _WITH_PASSWORD.search(str(value))):
        yield str(value)


def _said(text: str) -> str:
    """Helm's error, without the warnings before it, which repeat values."""
    lines = text.strip().splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("Error:")), 0)
    said = " ".join(line.strip() for line in lines[first:] if line.strip())
    return said.removeprefix("Error: ").replace(" Use --debug flag to render out invalid YAML", "")


def _listed(file: Path) -> str:
    """As helm 3 and 4 take it: a list of comma-separated values, with quotes as in CSV."""
    text = str(file).replace('"', '""')
    return f'"{text}"' if {",", '"'} & set(text) else text


def _option(name: str, value: str | None) -> list[str]:
    return [] if value is None else [name, value]


def _run(command: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    # Debugging output holds every value.
    environment = {key: value for key, value in os.environ.items() if key != "HELM_DEBUG"}
    try:
        return subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # a template can make helm say anything
            timeout=timeout,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise PermanentError(f"helm {command[1]} took longer than {timeout:.0f} s") from error
