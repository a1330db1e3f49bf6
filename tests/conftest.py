"""What tests of several folders share: no test is about its time; and helm, built once for this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from cluster import toolchain
from cluster.context import Context
from cluster.parts import helm as program
from cluster.report import Report

# A machine that is busy for a moment says nothing about what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def helm(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The helm that a person would have; built from its Go module by whoever needs it first, which takes minutes."""
    monkeypatch.setenv("PATH", os.environ["PATH"])  # the compiler may be put on it
    context = Context.from_environment()
    toolchain.ensure(context, Report())
    found = program.build(context.cache, lambda done, total: None) / "helm"
    monkeypatch.setenv("RAINBOW_HELM", str(found))
    return found
