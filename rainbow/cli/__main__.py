"""`python -m rainbow.cli`."""

from rainbow.cli import main

main()
