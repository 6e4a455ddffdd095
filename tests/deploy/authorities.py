"""Private certificate authorities, and servers that show what they signed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trustme

from tests.ports import free_port


@dataclass
class Authority:
    """An authority, and the certificates that it has issued as files in ``folder``."""

    folder: Path
    ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def pem(self) -> str:
        return self.ca.cert_pem.bytes().decode()

    @property
    def file(self) -> Path:
        path = self.folder / "authority.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return path

    def issue(self, host: str, **fields: datetime) -> tuple[Path, Path]:
        """Files of a certificate for this host, and of its key."""
        issued = self.ca.issue_cert(host, **fields)
        name = f"{host}-{len(list(self.folder.iterdir()))}"
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        key.chmod(0o600)
        return certificate, key


#: the year in which a certificate that has expired was good
LONG_AGO = {"not_before": datetime(2001, 1, 1, tzinfo=UTC), "not_after": datetime(2002, 1, 1, tzinfo=UTC)}


@dataclass
class Porter:
    """Somebody who speaks TLS at a port and says nothing more. ``callers``: the certificates that they showed."""

    port: int
    callers: list[dict[str, Any] | None] = field(default_factory=list)


@contextlib.contextmanager
def porter(certificate: Path, key: Path, *, wants: Path | None = None) -> Iterator[Porter]:
    """``wants``: the authority of callers' certificates, without which nobody comes in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if wants is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(wants)
    with socket.create_server(("127.0.0.1", free_port())) as listening:
        found = Porter(listening.getsockname()[1])

        def answer() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                # ValueError: it was gone before the handshake, of which ssl makes a socket that never shook hands
                with (
                    caller,
                    contextlib.suppress(OSError, ValueError),
                    context.wrap_socket(caller, server_side=True) as spoken,
                ):
                    found.callers.append(spoken.getpeercert())
                    spoken.recv(1)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)
