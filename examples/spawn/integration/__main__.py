"""The entry point: runs all checks against RELEASE_URL, one line each; exit 0 all good, 1 a check failed, 2 misuse."""

# ruff: noqa: T201 - what it prints is the log of the step
from __future__ import annotations

import os
import sys
import time

from integration.checks import CHECKS, Check, CheckError, Release
from integration.client import Client


def passes(check: Check, release: Release) -> bool:
    """Run one check and print its line."""
    begin = time.monotonic()
    problem = None
    try:
        check(release)
    except (CheckError, OSError, ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
    sentence = (check.__doc__ or check.__name__).strip()
    print(f"{'FAIL' if problem else 'ok':4} {time.monotonic() - begin:6.2f} s  {sentence}", flush=True)
    if problem:
        print(f"     {problem}", flush=True)
    return problem is None


def main() -> int:
    """Run everything, also after a failure: the log then tells all that is wrong."""
    missing = [name for name in ("RELEASE_ID", "RELEASE_URL") if not os.environ.get(name)]
    if missing:
        print(f"not set: {', '.join(missing)}; for example RELEASE_ID=v2 RELEASE_URL=http://api-v2", file=sys.stderr)
        return 2
    release = Release(os.environ["RELEASE_ID"], Client(os.environ["RELEASE_URL"].rstrip("/")))
    print(f"spawn: testing release {release.id} at {release.client.url}", flush=True)
    failed = sum(not passes(check, release) for check in CHECKS)
    print(f"{len(CHECKS) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
