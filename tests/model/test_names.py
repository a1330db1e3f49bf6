"""Names that have to be valid in several systems at once."""

import pytest
from pydantic import TypeAdapter, ValidationError

from rainbow.model.names import AppName, ReleaseId

RELEASE = TypeAdapter(ReleaseId)


@pytest.mark.parametrize("value", ["v1", "1", "20261121-104233", "a" * 20, "a-b"])
def test_accepts_what_is_valid_everywhere(value: str) -> None:
    """A DNS label is a label value and a subject token too."""
    assert RELEASE.validate_python(value) == value


@pytest.mark.parametrize("value", ["", "V1", "v1.2", "v_1", "-v1", "v1-", "v1\n", "a b", "v*", "v>", "a" * 21, "é"])
def test_refuses_what_is_invalid_anywhere(value: str) -> None:
    """Upper case is no DNS label, a dot cuts a subject in two, a wildcard would match other releases."""
    with pytest.raises(ValidationError, match="cannot be a release id"):
        RELEASE.validate_python(value)


def test_the_message_says_what_is_expected() -> None:
    """A refusal names the thing, the value and the rule."""
    with pytest.raises(ValidationError, match=r"'My App' cannot be the name of an app: it needs 1 to 30 characters"):
        TypeAdapter(AppName).validate_python("My App")
