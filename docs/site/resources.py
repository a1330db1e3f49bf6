"""The pages of the custom resources, from their definitions and the models beside them."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel

from docs.site.markdown import code, table, text
from docs.site.schema_tables import Tables, sections
from rainbow.model.policy import PolicySpec
from rainbow.model.release import ReleaseSpec, ReleaseStatus

_INTRO = {
    "Release": """The record of a release: `kubectl get releases`, `kubectl describe release APP-ID`. Its spec is enough
to deploy the release again, and never changes. Its status is a note for people and for later steps: what is current is
read from the route. The record stays as history when the workloads are gone.""",
    "Policy": """What the operators of an app decided after its releases were made, in a resource with the name of the
app. `rainbow policy set` and `rainbow hold` write it.""",
}


def release() -> str:
    """The resource Release."""
    return _page("release-crd.yaml", {"spec": ReleaseSpec, "status": ReleaseStatus})


def policy() -> str:
    """The resource Policy."""
    return _page("policy-crd.yaml", {"spec": PolicySpec})


def _page(name: str, models: dict[str, type[BaseModel]]) -> str:
    definition: dict[str, Any] = yaml.safe_load((files("workflows") / "manifests" / name).read_text())
    spec = definition["spec"]
    version, kind = spec["versions"][0], spec["names"]["kind"]
    schema = version["schema"]["openAPIV3Schema"]
    told = {f"{part}.{path}": said for part, model in models.items() for path, said in _told(model).items()}
    columns = [
        [code(column["name"]), code(column["jsonPath"]), "wide" if column.get("priority") else ""]
        for column in version.get("additionalPrinterColumns", [])
    ]
    return "\n".join(
        [
            f"# {kind}\n",
            f"`{spec['group']}/{version['name']}`, {spec['scope'].lower()}. {text(_INTRO[kind])}\n",
            *sections(Tables(kind.lower(), {}, told), schema),
            "## Columns\n",
            table(["column", "from", "shown by"], columns),
        ]
    )


def _told(model: type[BaseModel]) -> dict[str, str]:
    """What the model says of its keys, and of those of the models in it."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})

    def below(shape: dict[str, Any], path: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, given in (shape.get("properties") or {}).items():
            where = f"{path}.{key}" if path else key
            if "description" in given:
                found[where] = given["description"]
            options = [option.get("items", option) for option in given.get("anyOf", [given])]
            for option in options:
                if "$ref" in option:
                    inner = definitions[option["$ref"].rsplit("/", 1)[-1]]
                    found |= below(inner, where) if where != "app" else {}
        return found

    return below(schema, "")
