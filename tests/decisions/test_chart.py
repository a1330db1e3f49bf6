"""What of a rendered chart becomes a release: a table of objects, with and without hooks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.chart import chosen, differing, named


def obj(kind: str, name: str, hook: str | None = None, **more: Any) -> dict[str, Any]:
    """An object, perhaps a hook."""
    meta: dict[str, Any] = {"name": name}
    return {"kind": kind, "metadata": meta | ({"annotations": {"helm.sh/hook": hook}} if hook else {}), **more}


WEB = obj("Deployment", "web")


@pytest.mark.parametrize(
    ("hook", "left_out", "expected"),
    [
        pytest.param(None, (), "kept", id="no hook: part of the release"),
        pytest.param("", (), "kept", id="an empty annotation: no hook"),
        pytest.param("test", (), "noted", id="a test of helm's own: left out, and said"),
        pytest.param("test-success", (), "noted", id="a test of Helm 2: left out, and said"),
        pytest.param("pre-upgrade", (), "refused", id="a hook: refused"),
        pytest.param("pre-install, pre-upgrade", (), "refused", id="two of them: refused"),
        pytest.param("test,post-install", (), "refused", id="a test that is another hook as well: refused"),
        pytest.param("crd-install", (), "refused", id="a hook that nobody knows any more: refused"),
        pytest.param("pre-upgrade", ("Job/it",), "noted", id="a hook that is left out by name: said"),
        pytest.param(None, ("Job/it",), "noted", id="an object that is left out by name: said"),
        pytest.param(None, ("Job/other",), "kept", id="another one is left out: kept"),
    ],
)
def test_each_object_is_kept_left_out_or_refused(hook: str | None, left_out: tuple[str, ...], expected: str) -> None:
    """And nothing is both."""
    one = obj("Job", "it", hook) if hook is not None else obj("Job", "it")
    found = chosen([WEB, one], left_out)
    kept = {"kept": (WEB, one)}.get(expected, (WEB,))
    assert found.objects == kept
    assert [bool(found.notes), bool(found.refused)] == [expected == "noted", expected == "refused"]


def test_a_refused_hook_names_what_to_do() -> None:
    """The object, its moments, and both ways out."""
    (text,) = chosen([obj("Job", "shop-migrate", "pre-upgrade,pre-install")], ()).refused
    assert text.startswith("Job/shop-migrate is a hook (pre-install, pre-upgrade), and a release runs none")
    assert "`migrations`" in text
    assert "add Job/shop-migrate to manifests.helm.leaveOut" in text


def test_a_name_to_leave_out_that_fits_nothing_is_told() -> None:
    """It may be a slip of the pen, and what was meant would be released."""
    assert chosen([WEB], ("Secret/shop", "Deployment/web")).idle == ("Secret/shop",)


OBJECTS = st.lists(
    st.builds(
        obj,
        st.sampled_from(["Job", "Secret", "Deployment"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from([None, "test", "pre-install", "test,pre-install"]),
    )
)


@given(OBJECTS, st.lists(st.sampled_from(["Job/a", "Secret/b", "Deployment/c"]), unique=True))
def test_no_object_is_lost_without_a_word(objects: list[dict[str, Any]], left_out: list[str]) -> None:
    """As many are kept, noted or refused as there were; what is kept is no hook, and not left out."""
    found = chosen(objects, left_out)
    assert len(found.objects) + len(found.notes) + len(found.refused) == len(objects)
    for one in found.objects:
        assert "annotations" not in one["metadata"]
        assert named(one) not in left_out


def test_what_is_random_is_named() -> None:
    """Changed, gone and new ones; those that are the same are not."""
    one = [WEB, obj("Secret", "key", data="x"), obj("Job", "a-1")]
    other = [WEB, obj("Secret", "key", data="y"), obj("Job", "a-2")]
    assert differing(one, other) == ["Job/a-1", "Job/a-2", "Secret/key"]
    assert differing(one, one) == []
