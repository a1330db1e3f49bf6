"""The command `rainbow`.

Commands are imported when they are called: a step's pod neither has nor pays for what only people's commands need.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from rainbow import __version__
from rainbow.errors import RainbowError

# Command → the module with a click command of that name ("-" written as "_") and its line in `--help`.
COMMANDS = {
    "lint": ("rainbow.cli.lint", "Check the manifests of an app, and complete them."),
    "release": ("rainbow.cli.release", "Release an app: submit the workflow and follow it."),
    "follow": ("rainbow.cli.release", "Follow a release that was submitted before."),
    "approve": ("rainbow.cli.approve", "Let a release go live that waits for approval, or reject it."),
    "adopt": ("rainbow.cli.adopt", "Make what runs as plain Deployments the first release of its app."),
    "rollback": ("rainbow.cli.rollback", "Go back to an earlier release that is still there."),
    "switch": ("rainbow.cli.rollback", "Switch to a release that has passed its tests."),
    "redeploy": ("rainbow.cli.redeploy", "Have a release again that was deleted."),
    "hold": ("rainbow.cli.hold", "Hold an app (nothing is switched) or a release (it is not deleted)."),
    "resume": ("rainbow.cli.hold", "End the hold of an app or of a release."),
    "contract": ("rainbow.cli.contract", "Remove the old structure of a schema change, once nothing needs it."),
    "collect-garbage": ("rainbow.cli.collect_garbage", "Delete all that is due, of every app, at once."),
    "plan": ("rainbow.cli.plan", "What becomes of each release, and why; or what an operation would do."),
    "probe": ("rainbow.cli.probe", "Send requests without pause, and say whether users would have noticed anything."),
    "prove": ("rainbow.cli.prove", "Release an app again and again under a probe: every answer has to be a success."),
    "policy": ("rainbow.cli.policy", "Show or change what is in force for the releases of an app."),
    "install": ("rainbow.cli.install", "Install what releases need into a namespace."),
    "render": ("rainbow.cli.install", "Print what install would apply, as YAML."),
    "schema": ("rainbow.cli.schema", "Print the JSON Schema of rainbow.yaml."),
    "cluster": ("cluster.commands", "The embedded cluster: real Kubernetes and Argo on this machine."),
    "step": ("rainbow.cli.step", "Run one step by hand, as its pod would."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it."""
        if cmd_name not in COMMANDS:
            return None
        try:
            module = import_module(COMMANDS[cmd_name][0])
        except ModuleNotFoundError as error:
            raise click.ClickException(
                f"`rainbow {cmd_name}` needs the package {error.name}, which is not installed here"
            ) from error
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rainbow")
def cli() -> None:
    """Releases that nobody notices.

    Exit codes: 0 done; 1 failed; 2 wrong input, nothing was changed; 75 failed for now, try again; 130 interrupted.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = cli.main(args=arguments, prog_name="rainbow", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except RainbowError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
