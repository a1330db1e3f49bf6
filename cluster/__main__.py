"""`python -m cluster`: the same commands as `rainbow cluster`."""

from rainbow.cli import main

if __name__ == "__main__":
    import sys

    main(["cluster", *sys.argv[1:]])
