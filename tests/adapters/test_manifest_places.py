"""File and line of what kustomize has put together, for bases as people lay them out."""

from pathlib import Path
from typing import Any

import pytest

from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.manifest_places import Sources
from rainbow.adapters.sources import render_base

BASE = """\
# The web server.
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {part: web}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: side
          image: side
        - name: web
          image: web
          lifecycle:
            preStop:
              sleep: {seconds: 5}
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: web
          livenessProbe: {tcpSocket: {port: 80}}
"""
OVERLAY = """\
namePrefix: shop-
nameSuffix: -x
namespace: shops
resources: [../base, extra.yaml]
patches: [{path: patch.yaml}]
configMapGenerator: [{name: made, literals: [a=b]}]
"""
EXTRA = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"
POD: tuple[str | int, ...] = ("spec", "template", "spec")
WEB, SIDE = (*POD, "containers", "web"), (*POD, "containers", "side")  # by name, as their order is kustomize's


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An overlay over a base."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "base.yaml").write_text(BASE)
    (tmp_path / "base" / "kustomization.yml").write_text("resources: [base.yaml]\nnamePrefix: inner-\n")
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay" / "patch.yaml").write_text(PATCH.replace("name: web\nspec", "name: inner-web\nspec"))
    (tmp_path / "overlay" / "extra.yaml").write_text(EXTRA)
    (tmp_path / "overlay" / "kustomization.yaml").write_text(OVERLAY)
    return tmp_path / "overlay"


@pytest.mark.parametrize(
    ("case", "kind", "path", "expected"),
    [
        ("what is written", "Service", ("spec", "selector"), ("base.yaml", 7)),
        ("what is missing, by what is around it", "Service", ("spec", "clusterIP"), ("base.yaml", 6)),
        ("an object as a whole", "Service", (), ("base.yaml", 5)),
        ("an item by its name", "Deployment", (*WEB, "lifecycle", "preStop"), ("base.yaml", 22)),
        ("something missing in an item", "Deployment", (*SIDE, "readinessProbe"), ("base.yaml", 17)),
        ("what a patch says", "Deployment", (*POD, "terminationGracePeriodSeconds"), ("patch.yaml", 8)),
        ("what a patch says of an item", "Deployment", (*WEB, "livenessProbe"), ("patch.yaml", 11)),
        ("a file of the overlay", "ConfigMap extra", ("data",), ("extra.yaml", 3)),
        ("what was generated", "ConfigMap made", ("data", "a"), ("kustomization.yaml", 1)),
    ],
)
def test_a_part_of_an_object_is_found_where_it_is_written(
    folder: Path, case: str, kind: str, path: Any, expected: tuple[str, int]
) -> None:
    """Under the names that kustomize gives, through bases, patches and prefixes."""
    kind, _, named = kind.partition(" ")
    objects = load_objects(render_base(folder))
    (obj,) = [o for o in objects if o["kind"] == kind and named in o["metadata"]["name"]]
    if "containers" in path:  # those come first that a patch is about
        containers = obj["spec"]["template"]["spec"]["containers"]
        (index,) = [n for n, container in enumerate(containers) if container["name"] == path[4]]
        path = (*path[:4], index, *path[5:])
    place = Sources.read(folder).place(obj, path)
    assert (place.file.name, place.line) == expected, case


def test_what_cannot_be_read_is_left_out(folder: Path) -> None:
    """Kustomize has read it; the kustomization is still a place to begin."""
    (folder.parent / "base" / "base.yaml").write_bytes(b"\xff")
    obj = {"kind": "Service", "metadata": {"name": "shop-inner-web-x"}}
    place = Sources.read(folder).place(obj, ("spec",))
    assert (place.file.name, place.line) == ("kustomization.yaml", 1)


def test_documents_are_told_apart_and_lines_are_those_of_the_file(tmp_path: Path) -> None:
    """Whatever stands between them."""
    text = "---\n\n---\n# nothing\n---\n" + EXTRA + "--- # another\n" + EXTRA.replace("extra", "more")
    (tmp_path / "all.yaml").write_text(text)
    (tmp_path / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    sources = Sources.read(tmp_path)
    for name, line in (("extra", 8), ("more", 12)):
        obj = {"kind": "ConfigMap", "metadata": {"name": name}}
        assert sources.place(obj, ()).line == line


TWO = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: one}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: two}
---
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: web, namespace: two}
"""


@pytest.mark.parametrize(
    ("version", "namespace", "line"),
    [("v1", "one", 3), ("v1", "two", 7), ("serving.knative.dev/v1", "two", 11), ("v1", "made-by-kustomize", 3)],
)
def test_objects_of_one_name_are_told_apart(tmp_path: Path, version: str, namespace: str, line: int) -> None:
    """By group and namespace, as the API server does; a namespace that no file has was given by kustomize."""
    (tmp_path / "two.yaml").write_text(TWO)
    (tmp_path / "kustomization.yaml").write_text("resources: [two.yaml]\n")
    sources = Sources.read(tmp_path)
    obj = {"apiVersion": version, "kind": "Service", "metadata": {"name": "web", "namespace": namespace}}
    assert sources.place(obj, ("metadata", "name")).line == line
