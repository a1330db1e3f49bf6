"""`python -m docs.site [FOLDER]`: build the site into build/docs, or elsewhere; exit 1 for any warning."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.site import command_line, configuration, exit_codes, metrics, resources, rights, steps_page
from docs.site.stage import CHECKOUT, DeadLink, Stage

GENERATED: Mapping[str, Callable[[], str]] = {
    "reference/command-line.md": command_line.page,
    "reference/rainbow-yaml.md": configuration.rainbow_yaml,
    "reference/settings.md": configuration.settings,
    "reference/release.md": resources.release,
    "reference/policy.md": resources.policy,
    "reference/steps.md": steps_page.steps,
    "reference/workflow-templates.md": steps_page.templates,
    "reference/rights.md": rights.page,
    "reference/exit-codes.md": exit_codes.page,
    "reference/metrics.md": metrics.page,
}


def stage(folder: Path) -> None:
    """Write all pages into a folder, the reference among them."""
    shutil.rmtree(folder, ignore_errors=True)
    Stage(folder, frozenset(GENERATED)).fill()
    for name, page in GENERATED.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page())


def build(site: Path) -> int:
    """Stage and build; Sphinx's exit code."""
    staged = site.with_name(site.name + "-source")
    stage(staged)
    return built(staged, site)


def built(staged: Path, site: Path) -> int:
    """Make a site of what is staged; Sphinx's exit code: 1 for any warning."""
    shutil.rmtree(site, ignore_errors=True)
    flags = ["--fail-on-warning", "--nitpicky", "--quiet", "--fresh-env", "--builder", "html"]
    folders = ["--conf-dir", str(Path(__file__).parent), "--doctree-dir", str(staged / ".doctrees")]
    # A process of its own: what Sphinx sets up (logging, locales, warnings) is for all of a process.
    command = [sys.executable, "-m", "sphinx", *flags, *folders, str(staged), str(site)]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode


def main() -> None:
    """Of the command."""
    parser = argparse.ArgumentParser(prog="python -m docs.site", description="Build the documentation as a site.")
    parser.add_argument("folder", nargs="?", type=Path, default=CHECKOUT / "build" / "docs")
    site = parser.parse_args().folder
    # What was there goes, so it has to be what this made.
    if site.exists() and any(site.iterdir()) and not (site / ".buildinfo").exists():
        parser.error(f"{site} is there and is no site; name an empty folder, or one that is not there yet")
    try:
        code = build(site)
    except DeadLink as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    if code == 0:
        sys.stdout.write(f"{site / 'index.html'}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
