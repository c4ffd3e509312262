"""A certificate authority of our own, and the server's certificate by it."""

from __future__ import annotations

import datetime
import fcntl
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kcpcache import secretfiles

AUTHORITY_DAYS = 3650
SERVER_DAYS = 365
RENEW_BEFORE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Files:
    """Where certificates and keys lie; clients need `authority` only."""

    authority: Path
    authority_key: Path
    certificate: Path
    key: Path


def files(data_dir: Path) -> Files:
    """The four files of a data directory."""
    directory = data_dir / "pki"
    return Files(
        directory / "ca.crt", directory / "ca.key", directory / "server.crt", directory / "server.key"
    )


def server_names(*hosts: str) -> list[str]:
    """Every name and address under which this machine is asked, given hosts included."""
    wildcards = {"", "0.0.0.0", "::"}  # noqa: S104 - left out, not listened on
    names = {"localhost", "127.0.0.1", "::1", socket.gethostname(), *hosts}
    return sorted(name for name in names if name not in wildcards)


def ensure(data_dir: Path, names: Iterable[str]) -> Files:
    """Make what is missing: an authority once, a server certificate whenever the names or the authority
    changed or it ends within 30 days. Raises OSError when the directory cannot be written."""
    with _locked(data_dir):
        return _ensure(data_dir, names)


def server_context(data_dir: Path, names: Iterable[str]) -> ssl.SSLContext:
    """What a web process serves with: the same, loaded before another process may change the files.

    Web processes of several machines may share a data directory; each then makes a certificate that has its
    own host's name, and serves that for as long as it runs.
    """
    with _locked(data_dir):
        paths = _ensure(data_dir, names)
        return context(paths.certificate, paths.key)


def context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's side of TLS with a certificate; OSError when the files are not a pair."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """Hold the directory of certificates: pairs of files are checked, replaced and loaded by one at a time."""
    directory = data_dir / "pki"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure(data_dir: Path, names: Iterable[str]) -> Files:
    paths = files(data_dir)
    wanted = sorted(set(names))
    authority = _load(paths.authority, paths.authority_key)
    if authority is None or _ends_soon(authority[0]):
        authority = _make_authority()
        _write(authority, paths.authority, paths.authority_key)
    server = _load(paths.certificate, paths.key)
    if server is None or not _fits(server[0], authority[0], wanted):
        _write(_make_server(authority, wanted), paths.certificate, paths.key)
    return paths


Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _load(certificate: Path, key: Path) -> Pair | None:
    """A certificate and its key, or None if they are missing, unreadable as such or no pair."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != loaded.public_key():
        return None
    return loaded, private


def _write(pair: Pair, certificate: Path, key: Path) -> None:
    """Put key and certificate in place; the key first, as the pair is checked when it is loaded."""
    secretfiles.replace(
        key,
        pair[1]
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode(),
    )
    secretfiles.replace(certificate, pair[0].public_bytes(serialization.Encoding.PEM).decode())


def _ends_soon(certificate: x509.Certificate) -> bool:
    """Whether a certificate must be made anew."""
    now = datetime.datetime.now(datetime.UTC)
    return certificate.not_valid_after_utc - now < datetime.timedelta(days=RENEW_BEFORE_DAYS)


def _fits(certificate: x509.Certificate, authority: x509.Certificate, names: list[str]) -> bool:
    """Whether a server certificate is by this authority, for these names, and lasts."""
    if _ends_soon(certificate):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:
        return False
    return {_general_name(name) for name in names} <= set(san)


def _general_name(name: str) -> x509.GeneralName:
    """An address or a DNS name, as a certificate holds it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _make_authority() -> Pair:
    """A self-signed authority that may sign server certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kcpcache-ca")])
    builder = _builder(subject, subject, key, AUTHORITY_DAYS).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return builder.sign(key, hashes.SHA256()), key


def _make_server(authority: Pair, names: list[str]) -> Pair:
    """A server certificate for all names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kcpcache")])
    builder = _builder(subject, authority[0].subject, key, SERVER_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
    )
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(authority[1].public_key()), critical=False
    )
    return builder.sign(authority[1], hashes.SHA256()), key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    """What both certificates have; valid from an hour ago, for clients whose clock is behind."""
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """The key's purpose: certificates for the authority, handshakes for the server."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
