"""`rainbow lint`: what in the manifests would lose requests, or cannot live beside another release, and its mending."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import click
import yaml

from rainbow.adapters.chart_places import ChartPlaces
from rainbow.adapters.completing import changes, write
from rainbow.adapters.config_file import check_base, read_config
from rainbow.adapters.config_text import parse
from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.manifest_places import Sources
from rainbow.adapters.sources import render_base
from rainbow.cli import arguments
from rainbow.cli.base import base_of
from rainbow.cli.clusters import meant
from rainbow.cli.lint_formats import FORMATS, Located, table
from rainbow.cli.options import file_option
from rainbow.cli.plan_schema import schema_of
from rainbow.decisions import lint as rules
from rainbow.decisions.findings import Finding, Severity
from rainbow.decisions.hardening import completion
from rainbow.decisions.rendering import kept
from rainbow.decisions.workloads import Base
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig


@click.command()
@file_option
@click.option("--image", "images", multiple=True, metavar="[NAME=]REF", help="as it would be released; repeatable")
@click.option("--cluster", metavar="NAME", help="as it is in this one of the file's `clusters`")
@click.option("--fix", is_flag=True, help="write what can be completed as patches beside the kustomization")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", *FORMATS]),
    default="text",
    show_default=True,
    help="for people, programs or CI",
)
def lint(path: Path, images: tuple[str, ...], cluster: str | None, fix: bool, output: str) -> int:
    """Check the manifests of an app as they would be released. No cluster is asked.

    Errors would stop the release: it would lose requests, or cannot live beside another one. Exit code 1 when there are
    any. What is right for this app all the same is said in rainbow.yaml, with the reason: lint.ignore.

    \b
    Examples:
      rainbow lint -f rainbow.yaml
      rainbow lint -f rainbow.yaml --fix
      rainbow lint -f rainbow.yaml -o sarif > lint.sarif
    """
    app = read_config(path) if cluster is None else meant(path, cluster, None)[0]
    given = arguments.images(app, images)
    if fix:
        _fix(path, app, given)
    text = base_of(path, app)
    report = rules.lint(_base(app, text, given))
    found = located(path, app, text, report.findings)
    if output == "text":
        table(found)
        _summary(app, report)
    else:
        click.echo(FORMATS[output](found))
    if not any(finding.rule == "unreleasable" for finding in report.errors):
        check_base(path, app, text)
    return 1 if report.errors else 0


def refuse_errors(path: Path, app: AppConfig, text: str, given: Mapping[str, str]) -> None:
    """For `rainbow release`: warnings are said, and errors raise BadInput, with nothing changed."""
    report = rules.lint(_base(app, text, given))
    lines = [
        f"{one.file}:{one.line}: {one.finding.severity}: {one.finding.object}: {one.finding.rule}: {one.finding.why}"
        for one in located(path, app, text, report.findings)
    ]
    if report.errors:
        raise BadInput(
            "\n".join(lines) + "\nNothing was released. What to do about each: rainbow lint; what can be completed is "
            f"{'' if app.manifests.helm else 'by --fix, or '}with `harden: true` in rainbow.yaml"
        )
    for line in lines:
        click.echo(line, err=True)


def show_plan(path: Path) -> int:
    """For `rainbow plan -f`: what a release of this file would be stopped by, and what would be completed in it."""
    app = read_config(path)
    text = base_of(path, app)
    check_base(path, app, text)
    report = rules.lint(_base(app, text, {}))
    table(located(path, app, text, report.findings))
    _summary(app, report)
    if report.mended:
        click.echo("Completed in every release by `harden: true`:")
        for one in located(path, app, text, report.mended):
            click.echo(f"  {one.finding.object}: {one.finding.rule} ({one.file}:{one.line})")
        done = completion(report.mended)
        click.echo(yaml.safe_dump_all([*done.patches, *done.resources], sort_keys=False, width=120))
    for line in schema_of(app):
        click.echo(line)
    return 1 if report.errors else 0


def located(path: Path, app: AppConfig, text: str, findings: Iterable[Finding]) -> list[Located]:
    """The findings with the lines of the owner's files, which are read for that alone. `text`: the rendered base."""
    if not (findings := list(findings)):
        return []
    sources = _sources(path.parent, app, text)
    _, places = parse(path, path.read_text(encoding="utf-8"))
    found = []
    for finding in findings:
        if finding.about is None:
            found.append(Located(finding, _shown(path), places.of(finding.path)[0]))
        else:
            place = sources.place(finding.about, finding.path)
            found.append(Located(finding, _shown(place.file), place.line))
    return sorted(found, key=lambda one: (one.finding.severity is not Severity.ERROR, one.file, one.line))


def _sources(folder: Path, app: AppConfig, text: str) -> Sources | ChartPlaces:
    if app.manifests.helm is not None:
        chart = app.manifests.helm.chart
        # Of one that is pulled, what its templates are called below its name.
        return ChartPlaces.read(folder / chart if (folder / chart).exists() else Path(chart.rpartition("/")[2]), text)
    return Sources.read(folder / (app.manifests.kustomize or ""))


def _base(app: AppConfig, text: str, given: Mapping[str, str]) -> Base:
    return Base(app, kept(app, load_objects(text)), given)


def _fix(path: Path, app: AppConfig, given: Mapping[str, str]) -> None:
    """The diffs go to standard error, so that the findings that are left can be read by a program."""
    if app.manifests.kustomize is None:
        raise BadInput(
            "--fix writes patches beside a kustomization, and a chart takes none: say `harden: true` in rainbow.yaml, "
            "which completes every release, or mend the chart's templates and values"
        )
    folder = path.parent / app.manifests.kustomize
    report = rules.lint(_base(app.model_copy(update={"harden": False}), render_base(folder), given))
    wanted = changes(folder, completion(report.findings))
    write(folder, wanted)
    for change in wanted:
        click.echo(replace(change, file=Path(_shown(change.file))).diff, err=True, nl=False)
    left = sorted({f"{one.object}: {one.rule}" for one in report.findings if not one.mendable})
    if left:
        click.echo("Not completed, as that needs somebody's decision: " + "; ".join(left), err=True)
    elif not wanted:
        click.echo("There is nothing to complete.", err=True)


def _summary(app: AppConfig, report: rules.Report) -> None:
    errors, warnings = len(report.errors), len(report.findings) - len(report.errors)
    mendable = sum(finding.mendable for finding in report.findings)
    how = "`harden: true`" if app.manifests.helm else "rainbow lint --fix, or `harden: true`"
    hint = f"; {mendable} can be completed: {how}" if mendable else ""
    mended = f"; {len(report.mended)} completed by `harden: true`" if report.mended else ""
    accepted = f"; {len(report.accepted)} accepted in lint.ignore" if report.accepted else ""
    counted = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
    click.echo(f"{counted}{hint}{mended}{accepted}.")
    for idle in report.idle:
        about = f" about {idle.object}" if idle.object else ""
        click.echo(f"lint.ignore has {idle.rule}{about}, of which there is no finding any more; take it out.")


def _shown(file: Path) -> str:
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative
