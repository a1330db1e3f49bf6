"""The app's manifests as plain YAML documents, from whatever rainbow.yaml names: a kustomize base or a Helm chart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rainbow.adapters.chart_text import documents, lookups
from rainbow.adapters.config_text import Loc, Problem, dotted, nearest, parse, raise_problems
from rainbow.adapters.helm import at_hand, helm, template
from rainbow.adapters.kube import Object
from rainbow.adapters.sources import render_base
from rainbow.decisions.chart import Chosen, chosen, differing, named
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig
from rainbow.model.manifests import HelmChart

Say = Callable[[str], None]


def read_base(path: Path, app: AppConfig, say: Say = lambda line: None) -> str:
    """The rendered base of the app that the file describes. Raises BadInput. `say` is told what is left out."""
    if (chart := app.manifests.helm) is not None:
        return _render_chart(path, app, chart, say)
    assert app.manifests.kustomize is not None  # noqa: S101 - one of both is given
    return render_base(path.parent / app.manifests.kustomize)


def chart_objects(chart: HelmChart, folder: Path, app: str, namespace: str) -> list[Object]:
    """Everything that a chart makes, its hooks among it; for who has to know before there is a rainbow.yaml."""
    program = helm()
    with at_hand(program, chart, folder) as at:
        text = template(program, chart, at, folder, (chart.release_name or app, namespace))
    return [obj for document in documents(text) for obj in document.objects]


def _render_chart(path: Path, app: AppConfig, chart: HelmChart, say: Say) -> str:
    _refuse(path, _missing(path.parent, chart))
    program, names = helm(), (chart.release_name or app.app, app.namespace)
    with at_hand(program, chart, path.parent) as at:
        first, second = (documents(template(program, chart, at, path.parent, names)) for _ in range(2))
        asked = lookups(at)
    objects = [obj for document in first for obj in document.objects]
    found = chosen(objects, chart.leave_out)
    _refuse(path, [*_idle(chart, found, objects), *((("manifests", "helm"), text) for text in found.refused)])
    again = chosen((obj for document in second for obj in document.objects), chart.leave_out)
    _same_again(chart, found, again)
    for note in found.notes:
        say(note)
    for place in asked:
        say(f"{place}: the chart asks the cluster (lookup); rendered without one, it is answered as by an empty one")
    if not found.objects:
        raise BadInput(f"the chart {chart.chart} renders to nothing; do its values switch everything off?")
    return "".join(document.only([obj for obj in document.objects if obj in found.objects]) for document in first)


def _missing(folder: Path, chart: HelmChart) -> Iterator[tuple[Loc, str]]:
    for i, name in enumerate(chart.values):
        if not (folder / name).is_file():
            yield ("manifests", "helm", "values", i), f"found {name!r}, expected a file, relative to rainbow.yaml"


def _idle(chart: HelmChart, found: Chosen, objects: Sequence[Object]) -> Iterator[tuple[Loc, str]]:
    for i, name in enumerate(chart.leave_out):
        if name in found.idle:
            hint = nearest(name, sorted(named(obj) for obj in objects))
            yield ("manifests", "helm", "leaveOut", i), f"found {name!r}, expected what the chart makes; {hint}"


def _refuse(path: Path, problems: Iterable[tuple[Loc, str]]) -> None:
    if found := list(problems):
        _, places = parse(path, path.read_text(encoding="utf-8"))
        raise_problems(path, [Problem(*places.of(loc), dotted(loc), text) for loc, text in found])


def _same_again(chart: HelmChart, first: Chosen, second: Chosen) -> None:
    if changed := differing(first.objects, second.objects):
        raise BadInput(
            f"the chart {chart.chart} is different each time that it is rendered, in {', '.join(changed)}: what is "
            "checked would not be what is released. Give what it makes at random (passwords, certificates, dates) by "
            "its values, or make it once beside the releases and name it in manifests.helm.leaveOut"
        )
