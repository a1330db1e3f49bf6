"""`rainbow lint`: what in the manifests would lose requests, or cannot live beside another release, and its mending."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import click
import yaml

from rainbow.adapters.completing import changes, write
from rainbow.adapters.config_file import check_base, read_config
from rainbow.adapters.config_text import parse
from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.manifest_places import Sources
from rainbow.adapters.sources import render_base
from rainbow.cli import arguments
from rainbow.cli.lint_formats import FORMATS, Located, table
from rainbow.cli.options import file_option
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
@click.option("--fix", is_flag=True, help="write what can be completed as patches beside the kustomization")
@click.option("-o", "--output", type=click.Choice(["text", *FORMATS]), default="text", show_default=True)
def lint(path: Path, images: tuple[str, ...], fix: bool, output: str) -> int:
    """Check the manifests of an app as they would be released. No cluster is asked.

    Errors would stop the release: it would lose requests, or cannot live beside another one. Exit code 1 when there are
    any. What is right for this app all the same is said in rainbow.yaml, with the reason: lint.ignore.

    \b
    Examples:
      rainbow lint -f rainbow.yaml
      rainbow lint -f rainbow.yaml --fix
      rainbow lint -f rainbow.yaml -o sarif > lint.sarif
    """
    app = read_config(path)
    folder = path.parent / app.manifests.kustomize
    given = arguments.images(app, images)
    if fix:
        _fix(app, folder, given)
    text = render_base(folder)
    report = rules.lint(_base(app, text, given))
    found = located(path, folder, report.findings)
    if output == "text":
        table(found)
        _summary(report)
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
        for one in located(path, path.parent / app.manifests.kustomize, report.findings)
    ]
    if report.errors:
        raise BadInput(
            "\n".join(lines) + "\nNothing was released. What to do about each: rainbow lint; what can be completed is "
            "by --fix, or with `harden: true` in rainbow.yaml"
        )
    for line in lines:
        click.echo(line, err=True)


def show_plan(path: Path) -> int:
    """For `rainbow plan -f`: what a release of this file would be stopped by, and what would be completed in it."""
    app = read_config(path)
    folder = path.parent / app.manifests.kustomize
    text = render_base(folder)
    check_base(path, app, text)
    report = rules.lint(_base(app, text, {}))
    table(located(path, folder, report.findings))
    _summary(report)
    if report.mended:
        click.echo("Completed in every release by `harden: true`:")
        for one in located(path, folder, report.mended):
            click.echo(f"  {one.finding.object}: {one.finding.rule} ({one.file}:{one.line})")
        done = completion(report.mended)
        click.echo(yaml.safe_dump_all([*done.patches, *done.resources], sort_keys=False, width=120))
    return 1 if report.errors else 0


def located(path: Path, folder: Path, findings: Iterable[Finding]) -> list[Located]:
    """The findings with the lines of the owner's files, which are read for that alone."""
    if not (findings := list(findings)):
        return []
    sources = Sources.read(folder)
    _, places = parse(path, path.read_text(encoding="utf-8"))
    found = []
    for finding in findings:
        if finding.about is None:
            found.append(Located(finding, _shown(path), places.of(finding.path)[0]))
        else:
            place = sources.place(finding.about, finding.path)
            found.append(Located(finding, _shown(place.file), place.line))
    return sorted(found, key=lambda one: (one.finding.severity is not Severity.ERROR, one.file, one.line))


def _base(app: AppConfig, text: str, given: Mapping[str, str]) -> Base:
    return Base(app, kept(app, load_objects(text)), given)


def _fix(app: AppConfig, folder: Path, given: Mapping[str, str]) -> None:
    """The diffs go to standard error, so that the findings that are left can be read by a program."""
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


def _summary(report: rules.Report) -> None:
    errors, warnings = len(report.errors), len(report.findings) - len(report.errors)
    mendable = sum(finding.mendable for finding in report.findings)
    hint = f"; {mendable} can be completed: rainbow lint --fix, or `harden: true`" if mendable else ""
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
