"""Questions of a command: asked on a terminal; in a script the flags have to answer, and all are named at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import click

from rainbow.errors import BadInput

Check = Callable[[str], str]  # gives the answer as it is taken, or raises BadInput


@dataclass
class Asker:
    """`yes`: guesses are taken without asking. `missing`: what nobody has answered."""

    yes: bool
    terminal: bool = field(default_factory=lambda: sys.stdin.isatty() and sys.stderr.isatty())
    missing: list[str] = field(default_factory=list)

    def ask(
        self,
        flag: str,
        question: str,
        *,
        choices: Sequence[str] = (),
        guess: str | None = None,
        check: Check = lambda text: text,
    ) -> str:
        """The answer; what is only guessed at, or empty, when there is none: `done` refuses then."""
        if guess is None and len(choices) == 1:
            guess = choices[0]
        if self.yes and guess is not None:
            return check(guess)
        if not self.terminal:
            hint = f", for example {guess}" if guess else f"; seen: {', '.join(choices)}" if choices else ""
            self.missing.append(f"{flag}: {question}{hint}")
            return guess or next(iter(choices), "")
        for choice in choices:
            click.echo(f"  {choice}", err=True)
        answer: str = click.prompt(f"{question} ({flag})", default=guess, value_proc=_prompted(check), err=True)
        return answer

    def done(self) -> None:
        """Raises BadInput with everything that was not answered."""
        if self.missing:
            raise BadInput(
                "some things cannot be seen, and there is no terminal to ask at; give them as flags"
                + ("" if self.yes else ", or --yes to take what is guessed")
                + ":\n  "
                + "\n  ".join(self.missing)
            )


def _prompted(check: Check) -> Check:
    """For click, which asks again after an error of its own."""

    def checked(text: str) -> str:
        try:
            return check(text.strip())
        except BadInput as error:
            raise click.UsageError(str(error)) from error

    return checked
