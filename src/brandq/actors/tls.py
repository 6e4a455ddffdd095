"""TLS to RabbitMQ: whose certificates count, for which host, and in words what keeps a connection from being made.

The certificate and the host name in it are always checked, and nothing is spoken below TLS 1.2. No setting and no part
of the URL switches that off.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pika
import pika.exceptions

from brandq.errors import BadSettings

#: what other clients read from a URL, and what would have no say here
_NO_SAY = ("ssl_options", "verify", "cacertfile", "server_name_indication")
#: our own certificate and its key, for a server that asks for one; RabbitMQ's own clients call them so
_OURS = ("certfile", "keyfile")

#: by OpenSSL's number of what is wrong with a certificate
_EXPIRED, _TOO_EARLY, _OTHER_HOST, _OTHER_ADDRESS = 10, 9, 62, 64
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
_UNTRUSTED = (
    "RabbitMQ shows a certificate of an authority that is not trusted here: "
    "set BRANDQ_BROKER_CA_FILE to the certificate of the authority that signed it"
)
_NOT_FOR_HOST = (
    "RabbitMQ shows a certificate for another host name: use in BRANDQ_BROKER_URL a name that it carries, "
    "or have one issued for this name"
)
#: with TLS 1.3 a server refuses a client's certificate only after its own part of the handshake
_WANTS_OURS = (
    "RabbitMQ ends the connection during the TLS handshake or right after it: if it wants a certificate of ours, "
    "name that by `?certfile=…&keyfile=…` in BRANDQ_BROKER_URL; its log says more"
)
_NOT_PLAIN = "RabbitMQ speaks no plain AMQP at that port: if it is the port for TLS, use amqps:// in BRANDQ_BROKER_URL"


def secured(part: str, ca: str | None) -> tuple[str, pika.SSLOptions | None]:
    """One server's URL without what is only for TLS, and how TLS is spoken to it; None for amqp://.

    ``ca``: certificates in PEM that alone count; None: those that this system trusts. BadSettings where it is none, or
    where the URL asks for what is not done here.
    """
    split = urlsplit(part)
    query = parse_qs(split.query, keep_blank_values=True)
    faults = [
        f"BRANDQ_BROKER_URL: `{name}` has no say there: certificate and host name are always checked, "
        "against BRANDQ_BROKER_CA or what this system trusts"
        for name in _NO_SAY
        if name in query
    ]
    ours = [query.pop(name, [""])[0] for name in _OURS]
    if any(ours) and split.scheme != "amqps":
        faults.append("BRANDQ_BROKER_URL: `certfile` and `keyfile` are of amqps://")
    if faults:
        raise BadSettings(faults)
    if split.scheme != "amqps":
        return part, None
    options = pika.SSLOptions(_context(ca, *ours), split.hostname)
    return urlunsplit(split._replace(query=urlencode(query, doseq=True))), options


def _context(ca: str | None, certfile: str, keyfile: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError) as error:
        raise BadSettings(["BRANDQ_BROKER_CA: holds no certificate in PEM"]) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certfile or keyfile:
        try:
            # one file may hold both
            context.load_cert_chain(certfile or keyfile, keyfile or None)
        except (ssl.SSLError, OSError) as error:
            raise BadSettings(
                [f"BRANDQ_BROKER_URL: `certfile` and `keyfile` cannot be read ({type(error).__name__})"]
            ) from error
    return context


def why(error: BaseException, *, over_tls: bool) -> str:
    """In a sentence what kept a connection from being made. Without host and user: strangers may see it."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _of_certificate(cause)
        if isinstance(cause, ssl.SSLError):
            return _of_handshake(cause)
        if isinstance(cause, pika.exceptions.IncompatibleProtocolError):
            return _WANTS_OURS if over_tls else _NOT_PLAIN
        if isinstance(cause, pika.exceptions.ProbableAuthenticationError):
            return "RabbitMQ refuses this user or password; check BRANDQ_BROKER_URL"
        if isinstance(cause, pika.exceptions.ProbableAccessDeniedError):
            return "RabbitMQ refuses this user the virtual host; check BRANDQ_BROKER_URL"
    # The class alone: pika's message may repeat the URL.
    return f"RabbitMQ does not answer ({type(error).__name__}); check BRANDQ_BROKER_URL"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was made of: pika puts it among the arguments, Python beside."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if one in seen:
            continue
        seen.append(one)
        yield one
        inner = (getattr(one, "exception", None), one.__cause__, *one.args)
        waiting += [cause for cause in inner if isinstance(cause, BaseException)]


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return _UNTRUSTED
    if error.verify_code in (_OTHER_HOST, _OTHER_ADDRESS) or "match" in error.verify_message:
        return _NOT_FOR_HOST
    if error.verify_code == _EXPIRED:
        return "RabbitMQ shows a certificate that has expired: renew it on the server, then restart it there"
    if error.verify_code == _TOO_EARLY:
        return "RabbitMQ shows a certificate that is not valid yet: compare the clocks of the two machines"
    return f"RabbitMQ shows a certificate that is not accepted ({error.verify_message}): have a sound one issued"


def _of_handshake(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return (
            "RabbitMQ speaks no TLS at that port: give the port for TLS in BRANDQ_BROKER_URL (5671 as a rule), "
            "or use amqp://"
        )
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason or "BAD_CERTIFICATE" in reason:
        return _WANTS_OURS
    return f"RabbitMQ ends the TLS handshake ({reason or type(error).__name__}); see its log and BRANDQ_BROKER_URL"
