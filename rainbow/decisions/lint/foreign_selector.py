"""Nothing of one release is about the pods of another one (S4).

Kustomize adds the labels of a release to `matchLabels` of a PodDisruptionBudget or NetworkPolicy only where there are
any: a selector that is empty, or made of expressions alone, stays as wide as it is.
"""

from __future__ import annotations

from typing import Any

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.narrowing import SELECTORS
from rainbow.decisions.workloads import KINDS, Base, spec_of

Object = dict[str, Any]


def check(base: Base) -> Findings:
    """One finding for each selector, and for each autoscaler of what is not in the base."""
    for obj in base.of_kind(*SELECTORS):
        key = SELECTORS[obj["kind"]]
        selector = spec_of(obj).get(key)
        if base.is_rolled(obj):  # there is one of it, about the pods of whatever release is rolled to
            continue
        if selector is None or selector.get("matchLabels") is not None:
            continue
        what = "made of matchExpressions alone" if selector.get("matchExpressions") else "empty"
        yield Finding(
            Severity.ERROR,
            obj,
            ("spec", key),
            f"its {key} is {what} and so gets no label of the release: it is about the pods of all releases, and of "
            "other apps that fit",
            f"{key}.matchLabels, with a label of its pods or empty: the labels of the release are added to it",
            patch={"spec": {key: {"matchLabels": {}}}},
        )
    known = {(obj["kind"], obj["metadata"]["name"]) for obj in base.of_kind(*KINDS)}
    for hpa in base.of_kind("HorizontalPodAutoscaler"):
        target = spec_of(hpa).get("scaleTargetRef") or {}
        if (target.get("kind"), target.get("name")) not in known:
            yield Finding(
                Severity.ERROR,
                hpa,
                ("spec", "scaleTargetRef"),
                f"it scales {target.get('kind')} {target.get('name')}, which is not in the base: each release would "
                "scale the same one, against all others",
                "let it scale a workload of the base, or keep it outside of the base",
            )
