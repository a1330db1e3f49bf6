"""What is wrong with `clusters` in rainbow.yaml: said for every cluster, at the line where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from rainbow.adapters.config_file import read_config
from rainbow.decisions.regional import in_cluster
from rainbow.errors import BadInput

TEXT = """\
app: shop
namespace: shop
manifests: {kustomize: deploy}
route: {ingress: {name: shop, url: "http://proxy"}}
drain: {prometheus: {url: "http://prometheus", query: 'sum(t{r="$release"})'}}
clusters:
  waves: [[eu], [us]]
  each:
    us:
      context: production-us
      overrides:
        namespace: shop-us
        drain:
          prometheus:
            url: http://prometheus.us
"""


def wrong(tmp_path: Path, text: str) -> str:
    """What is said of it, without the folder."""
    (tmp_path / "rainbow.yaml").write_text(text)
    with pytest.raises(BadInput) as caught:
        read_config(tmp_path / "rainbow.yaml")
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_a_file_that_is_right(tmp_path: Path) -> None:
    """The app is another one in each cluster."""
    (tmp_path / "rainbow.yaml").write_text(TEXT)
    app = read_config(tmp_path / "rainbow.yaml")
    found = {name: in_cluster(app, name) for name in ("eu", "us")}
    assert {name: one.namespace for name, one in found.items()} == {"eu": "shop", "us": "shop-us"}
    assert found["us"].drain.prometheus.url == "http://prometheus.us"


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (
            "            url: http://prometheus.us",
            "            samples: 0\n            ulr: x",
            "rainbow.yaml:15:22: clusters.each.us.overrides.drain.prometheus.samples: found 0, expected an integer "
            ">= 2\nrainbow.yaml:16:13: clusters.each.us.overrides.drain.prometheus.ulr: unknown key; did you mean url?",
        ),
        (
            "        namespace: shop-us",
            "        namspace: shop-us",
            "rainbow.yaml:12:9: clusters.each.us.overrides.namspace: unknown key; did you mean namespace?",
        ),
        (
            "        namespace: shop-us\n",
            "        route: null\n",
            "rainbow.yaml:12:16: clusters.each.us.overrides.route: missing",
        ),
        (
            "        namespace: shop-us\n",
            "        manifests: {kustomize: null, helm: null}\n",
            "rainbow.yaml:12:20: clusters.each.us.overrides.manifests: expected exactly one of kustomize",
        ),
        ("[us]]", "[us, eu]]", "rainbow.yaml:7:3: clusters: waves: eu is named twice"),
        (
            "      context: production-us\n      overrides:\n        namespace: shop-us\n",
            "      context: eu\n      overrides:\n",
            "rainbow.yaml:7:10: clusters: eu and us are both namespace shop of context eu; say what differs",
        ),
    ],
)
def test_says_what_is_wrong_and_where(tmp_path: Path, before: str, after: str, text: str) -> None:
    """All at once, as for the rest of the file."""
    assert before in TEXT
    assert text in wrong(tmp_path, TEXT.replace(before, after))
