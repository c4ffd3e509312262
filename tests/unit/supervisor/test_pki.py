"""The self-made certificate authority."""

from __future__ import annotations

import datetime
import socket
import ssl
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from supervisor import pki


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def shake_hands(files: pki.Files, name: str) -> None:
    """A TLS handshake over a socket pair: the client knows the authority only."""
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(files.certificate, files.key)
    client_context = ssl.create_default_context(cafile=str(files.authority))
    client_end, server_end = socket.socketpair()

    def serve() -> None:
        try:
            server_context.wrap_socket(server_end, server_side=True).close()
        except OSError:
            server_end.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client_context.wrap_socket(client_end, server_hostname=name).close()
    finally:
        client_end.close()
        thread.join()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "api.example.com", socket.gethostname()])
def test_a_client_that_knows_the_authority_trusts_every_name(tmp_path: Path, name: str) -> None:
    shake_hands(pki.ensure(tmp_path, pki.server_names("api.example.com", "0.0.0.0")), name)


def test_another_name_is_not_trusted(tmp_path: Path) -> None:
    files = pki.ensure(tmp_path, pki.server_names("api.example.com"))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(files, "other.example.com")


def test_everything_is_kept_while_it_fits(tmp_path: Path) -> None:
    files = pki.ensure(tmp_path, pki.server_names("a.example.com"))
    before = [path.read_bytes() for path in (files.authority, files.certificate)]
    pki.ensure(tmp_path, pki.server_names("a.example.com"))
    assert [path.read_bytes() for path in (files.authority, files.certificate)] == before


def test_a_new_host_makes_a_new_certificate_by_the_same_authority(tmp_path: Path) -> None:
    files = pki.ensure(tmp_path, pki.server_names("a.example.com"))
    authority, old = files.authority.read_bytes(), files.certificate.read_bytes()
    pki.ensure(tmp_path, pki.server_names("b.example.com"))
    assert files.authority.read_bytes() == authority
    assert files.certificate.read_bytes() != old
    shake_hands(files, "b.example.com")


def test_a_certificate_near_its_end_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pki, "SERVER_DAYS", pki.RENEW_BEFORE_DAYS - 1)
    files = pki.ensure(tmp_path, ["localhost"])
    monkeypatch.undo()
    pki.ensure(tmp_path, ["localhost"])
    left = certificate(files.certificate).not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    assert left > datetime.timedelta(days=pki.SERVER_DAYS - 1)


def test_a_key_that_does_not_fit_its_certificate_is_made_anew(tmp_path: Path) -> None:
    files = pki.ensure(tmp_path, ["localhost"])
    files.key.write_bytes(files.authority_key.read_bytes())
    shake_hands(pki.ensure(tmp_path, ["localhost"]), "localhost")


def test_keys_are_private(tmp_path: Path) -> None:
    files = pki.ensure(tmp_path, ["localhost"])
    for key in (files.authority_key, files.key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_web_processes_that_start_at_once_on_one_directory_all_have_a_pair(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def start(number: int) -> ssl.SSLContext:
        barrier.wait()
        contexts = [pki.server_context(tmp_path, [f"host-{number}.example.com"]) for _ in range(5)]
        return contexts[-1]  # a pair that does not fit is an error

    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(start, range(8)))
    assert len(started) == 8
    files = pki.files(tmp_path)
    certificate(files.certificate).verify_directly_issued_by(certificate(files.authority))


def test_a_key_that_was_given_and_does_not_fit_is_an_error(tmp_path: Path) -> None:
    files = pki.ensure(tmp_path, ["localhost"])
    with pytest.raises(ssl.SSLError):
        pki.context(files.certificate, files.authority_key)
