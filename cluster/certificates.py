"""The cluster's own certificate authority, and a certificate for each part that needs one.

Keys never leave the state directory. A certificate is made anew when what it should say changes (an address, a
name) or when its end is near; the authority lives as long as the state directory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=3650)
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True)
class Subject:
    """Whom a certificate names. Kubernetes reads the user from `name` and the groups from `groups`."""

    file: str
    name: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates into one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.certificate = directory / "ca.crt"
        self._key = directory / "ca.key"

    def ensure(self, now: datetime) -> None:
        """Make the authority itself unless it is there."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.certificate.exists() and self._key.exists():
            return
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rainbow embedded cluster")])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        certificate = (
            _builder(name, name, key, now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        _write_key(self._key, key)
        _write(self.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def issue(self, subject: Subject, now: datetime) -> Pair:
        """Return the subject's certificate, made anew where it is missing, out of date or near its end."""
        pair = Pair(self._directory / f"{subject.file}.crt", self._directory / f"{subject.file}.key")
        if _serves(pair, subject, now, self.certificate):
            return pair
        issuer_key = serialization.load_pem_private_key(self._key.read_bytes(), password=None)
        if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self._key} is not an elliptic-curve key")
        issuer = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(subject), issuer.subject, key, now).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        if subject.hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(_hosts(subject)), critical=False)
        certificate = builder.sign(issuer_key, hashes.SHA256())
        _write_key(pair.key, key)
        _write(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        return pair

    def signing_key(self, file: str) -> Pair:
        """Return a bare key pair, as service account tokens are signed with."""
        pair = Pair(self._directory / f"{file}.pub", self._directory / f"{file}.key")
        if not (pair.key.exists() and pair.certificate.exists()):
            key = ec.generate_private_key(ec.SECP256R1())
            public = key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            _write_key(pair.key, key)
            _write(pair.certificate, public, 0o644)
        return pair


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A day early: the clocks of a machine that was just resumed may be behind.
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
    )


def _serves(pair: Pair, subject: Subject, now: datetime, authority: Path) -> bool:
    if not (pair.certificate.exists() and pair.key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    issuer = x509.load_pem_x509_certificate(authority.read_bytes())
    try:
        certificate.verify_directly_issued_by(issuer)
        hosts = list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        hosts = []
    except (InvalidSignature, ValueError, TypeError):
        return False
    return (
        certificate.subject == _name(subject)
        and hosts == _hosts(subject)
        and certificate.not_valid_after_utc - now > RENEW_BEFORE
    )


def _name(subject: Subject) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in subject.groups]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, subject.name)])


def _hosts(subject: Subject) -> list[x509.GeneralName]:
    return [_host(host) for host in subject.hosts]


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    content = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(path, content, 0o600)


def _write(path: Path, content: bytes, mode: int) -> None:
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as output:
        output.write(content)
    os.replace(partial, path)


def now() -> datetime:
    """Return the time; the only clock of this module."""
    return datetime.now(UTC)
