"""Certificates say what Kubernetes reads from them, and are made anew exactly when they have to be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from cluster.certificates import LIFETIME, Authority, Subject

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NODE = Subject("kubelet", "system:node:rainbow", groups=("system:nodes",), hosts=("rainbow", "10.201.0.1"))


def authority(directory: Path) -> Authority:
    """An authority in a directory of the test's own."""
    made = Authority(directory)
    made.ensure(NOW)
    return made


def test_a_certificate_names_user_groups_and_hosts(tmp_path: Path) -> None:
    """Kubernetes reads the user from the common name and the groups from the organisations."""
    certificate = x509.load_pem_x509_certificate(authority(tmp_path).issue(NODE, NOW).certificate.read_bytes())

    assert certificate.subject.rfc4514_string() == "CN=system:node:rainbow,O=system:nodes"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["rainbow"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.201.0.1"]


def test_a_certificate_is_signed_by_the_authority(tmp_path: Path) -> None:
    """Every part trusts one authority."""
    made = authority(tmp_path)
    certificate = x509.load_pem_x509_certificate(made.issue(NODE, NOW).certificate.read_bytes())

    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(made.certificate.read_bytes()))


def test_a_good_certificate_is_kept(tmp_path: Path) -> None:
    """A second `up` restarts nothing because of new certificates."""
    made = authority(tmp_path)
    before = made.issue(NODE, NOW).certificate.read_bytes()

    made.ensure(NOW)

    assert made.issue(NODE, NOW + timedelta(days=400)).certificate.read_bytes() == before


def test_another_address_is_another_certificate(tmp_path: Path) -> None:
    """A changed subnet reaches the certificates."""
    made = authority(tmp_path)
    before = made.issue(NODE, NOW).certificate.read_bytes()

    moved = Subject(NODE.file, NODE.name, NODE.groups, ("rainbow", "10.99.0.1"))

    assert made.issue(moved, NOW).certificate.read_bytes() != before


def test_a_certificate_near_its_end_is_renewed(tmp_path: Path) -> None:
    """Renewed with a month to spare."""
    made = authority(tmp_path)
    before = made.issue(NODE, NOW).certificate.read_bytes()

    assert made.issue(NODE, NOW + LIFETIME - timedelta(days=10)).certificate.read_bytes() != before


def test_a_certificate_of_another_authority_is_replaced(tmp_path: Path) -> None:
    """After the authority was lost, nothing of the old one is used."""
    before = authority(tmp_path).issue(NODE, NOW).certificate.read_bytes()
    (tmp_path / "ca.key").unlink()

    assert authority(tmp_path).issue(NODE, NOW).certificate.read_bytes() != before


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    """Whoever reads the administrator's key is the administrator."""
    made = authority(tmp_path)

    assert made.issue(NODE, NOW).key.stat().st_mode & 0o077 == 0
    assert made.signing_key("service-accounts").key.stat().st_mode & 0o077 == 0
    assert (tmp_path / "ca.key").stat().st_mode & 0o077 == 0
