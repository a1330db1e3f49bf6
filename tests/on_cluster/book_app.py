"""The address book on the cluster for one test: its own namespace, a PostgreSQL of its own, and its four releases."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from mortal import as_user
from spawn_app import eventually

from cluster.context import Context
from cluster.parts.images import build_folder
from rainbow.adapters.config_file import read_config
from rainbow.adapters.kube import POD, Kind, Kube, connect
from rainbow.adapters.records import note, read_release
from rainbow.adapters.sources import render_base
from rainbow.adapters.world import World
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from steps import load
from workflows.rbac import rules

APP = "address-book"
FOLDER = Path(__file__).parents[2] / "examples" / APP
STAGES = {"v1-0": "1.0", "v2-1": "2.1", "v2-2": "2.2", "v2-3": "2.3"}
SECRET = "address-book-database"
STATEFUL_SET = Kind("apps/v1", "StatefulSet")


@dataclass
class Book:
    """The app in a namespace that the test made; its files are in a folder of the test's own."""

    kube: Kube
    namespace: str
    folder: Path
    images: dict[str, str]
    proxy: str

    @property
    def host(self) -> str:
        """The host of its users."""
        return f"{self.namespace}.localhost"

    def start(self) -> None:
        """The database."""
        login = {"PGHOST": "database", "PGUSER": "book", "PGPASSWORD": "in-a-test", "PGDATABASE": "book"}
        meta = {"name": SECRET, "namespace": self.namespace}
        self.kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": login})
        for obj in yaml.safe_load_all((FOLDER / "database" / "database.yaml").read_text()):
            if obj["kind"] == STATEFUL_SET.kind:
                obj["spec"]["template"]["spec"]["containers"][0]["image"] = self.images["database"]
            self.kube.apply(obj | {"metadata": obj["metadata"] | {"namespace": self.namespace}})
        eventually("the database", self._database_ready)

    def _database_ready(self) -> bool:
        found = self.kube.get(STATEFUL_SET, self.namespace, "database")
        return bool(found and (found.get("status") or {}).get("readyReplicas"))

    def configure(self, release: str, **changes: Any) -> Path:
        """rainbow.yaml of a release, quick enough for a test."""
        config = yaml.safe_load((FOLDER / f"rainbow-{STAGES[release]}.yaml").read_text())
        config["namespace"] = self.namespace
        config["drain"]["prometheus"] |= {"interval": "1s", "samples": 2, "maxAge": "15s"}
        config["retention"] = {"minimumAge": "0s", "failedAge": "1h"}
        path = self.folder / f"{release}.yaml"
        path.write_text(yaml.safe_dump(config | changes, sort_keys=False))
        return path

    def submit(self, release: str, like: str | None = None) -> None:
        """The record alone, of what another one is `like`: its steps are run by the test itself."""
        path = self.configure(like or release, tests=None)
        config = read_config(path)
        base = render_base(self.folder / "deploy")
        images = {"address-book": self.images[like or release]}
        time.sleep(1.1)  # creation times have whole seconds, and of two releases of one second neither is newer
        self.kube.create(new_record(ReleaseSpec(release=release, app=config, manifests=base, images=images)))

    def step(self, name: str, release: str | None = None, **more: Any) -> list[str]:
        """Run a step here; what it said."""
        step, lines = load(name), list[str]()
        given = {"namespace": self.namespace, "app": APP} | ({"release": release} if release else {}) | more
        if "proxy_url" in step.Params.model_fields:
            given["proxy_url"] = self.proxy
        step.run(step.Params(**given), World(self._limited(name, rules(name)), say=lines.append))
        return lines

    def _limited(self, name: str, rights: list[dict[str, Any]]) -> Kube:
        """The API server as the step's ServiceAccount sees it, with the rights of its Role and no more."""
        meta = {"name": name, "namespace": self.namespace}
        api, user = "rbac.authorization.k8s.io", f"system:serviceaccount:{self.namespace}:{name}"
        subject = {"kind": "ServiceAccount", **meta}
        ref = {"apiGroup": api, "kind": "Role", "name": name}
        self.kube.apply({"apiVersion": f"{api}/v1", "kind": "Role", "metadata": meta, "rules": rights})
        binding = {"apiVersion": f"{api}/v1", "kind": "RoleBinding", "metadata": meta}
        self.kube.apply({**binding, "roleRef": ref, "subjects": [subject]})
        return as_user(connect(), user)

    def live(self, release: str) -> None:
        """Everything up to its switch."""
        self.submit(release)
        self.promote(release)

    def promote(self, release: str) -> None:
        """From its record to its users, who see that it is what it says."""
        for step in ("expand", "deploy", "run-tests", "switch"):
            self.step(step, release)
        request = urllib.request.Request(self.proxy + "/", headers={"Host": self.host})
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer) == {"stage": STAGES[release]}

    def gone(self, release: str) -> None:
        """Deleted, as `delete` does it once it is drained."""
        record = self.record(release)
        note(self.kube, record, phase=Phase.DELETED, deleted_at=datetime.now(UTC))
        for ref in record.status.objects:
            if ref.kind != "Ingress":
                self.kube.delete(Kind(ref.api_version, ref.kind), self.namespace, ref.name)

    def record(self, release: str) -> Release:
        """The record as it is now."""
        return read_release(self.kube, self.namespace, APP, release)

    def sql(self, statement: str) -> str:
        """What the database answers, its rows in lines, columns between bars."""
        done = subprocess.run(self._psql(statement), capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def held(self, id_: int) -> Iterator[None]:
        """Somebody works on this person, and does not come to an end."""
        command = self._psql(f"SELECT id FROM person WHERE id = {int(id_)} FOR UPDATE; SELECT pg_sleep(600)")  # noqa: S608
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            others = "FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
            sleeps = f"SELECT count(*) {others} AND wait_event = 'PgSleep'"
            eventually("a lock on the row", lambda: self.sql(sleeps) == "1")
            yield
            self.sql(f"SELECT pg_terminate_backend(pid) {others}")

    def _psql(self, statement: str) -> list[str]:
        (pod,) = self.kube.list(POD, self.namespace, labels="app.kubernetes.io/name=database")
        kubectl = str(Path(sys.executable).parent / "kubectl")
        inside = ["psql", "-h", "127.0.0.1", "-X", "-q", "-A", "-t", "-c", statement]
        return [kubectl, "exec", "-n", self.namespace, pod["metadata"]["name"], "--", *inside]


def copy_book(folder: Path, host: str) -> None:
    """The base, with a host of the test's own, and one pod a release."""
    shutil.copytree(FOLDER / "deploy", folder / "deploy")
    kustomization = folder / "deploy" / "kustomization.yaml"
    kustomization.write_text(kustomization.read_text() + "replicas: [{name: api, count: 1}]\n")
    ingress = folder / "deploy" / "ingress.yaml"
    described = yaml.safe_load(ingress.read_text())
    described["spec"]["rules"][0]["host"] = host
    ingress.write_text(yaml.safe_dump(described))


def book_images(context: Context) -> dict[str, str]:
    """Release id → image; and that of the database. All but the last layer is the same, and is in the cache."""
    built = {
        release: build_folder(context, FOLDER, f"{APP}/app", {"ADDRESS_BOOK": stage})
        for release, stage in STAGES.items()
    }
    return built | {"database": build_folder(context, FOLDER / "database", f"{APP}/database", {})}


@contextmanager
def book(kube: Kube, namespace: str, context: Context, folder: Path) -> Iterator[Book]:
    """The app, ready to be released."""
    made = Book(kube, namespace, folder, book_images(context), f"http://127.0.0.1:{context.ports.traefik}")
    copy_book(folder, made.host)
    made.start()
    yield made
