"""`rainbow completion`: the script that completes commands, options and names in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes commands, options, apps, releases, contexts and namespaces in your shell.

    Apps and releases are asked from the cluster at each press of the tab key; one that does not answer within a
    second or so completes nothing.

    \b
    To switch it on for good:
      bash:  echo 'source <(rainbow completion bash)' >> ~/.bashrc
      zsh:   echo 'source <(rainbow completion zsh)' >> ~/.zshrc     (after compinit)
      fish:  rainbow completion fish > ~/.config/fish/completions/rainbow.fish

    \b
    Examples:
      rainbow completion bash
      rainbow completion fish
    """
    from rainbow.cli import cli

    found = get_completion_class(shell)
    assert found is not None, shell  # noqa: S101 - click has these three
    click.echo(found(cli, {}, "rainbow", "_RAINBOW_COMPLETE").source())
