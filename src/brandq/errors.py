"""Every error raised on purpose, and what each asks for next.

A class exists only where some code acts differently on catching it. Messages name the next step and never carry a
secret. Trouble at a provider is data, not an exception: see ``brandq.providers.dialect.ProviderError``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a document, and where: ``pointer`` is a JSON pointer such as ``/brands/0/name``."""

    pointer: str
    detail: str


class BrandqError(Exception):
    """Base of every error raised on purpose."""


class BadSettings(BrandqError):
    """These settings are wrong or missing, all of them at once. The process does not start."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("brandq cannot start:\n" + "\n".join(f"  - {fault}" for fault in faults))


class BadRequest(BrandqError):
    """The caller's document is wrong here, here and here: every fault at once. Nothing was stored."""

    def __init__(self, faults: list[Fault], title: str = "The document is not valid", status: int = 422) -> None:
        self.faults = faults
        self.title = title
        self.status = status
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults))


class NotAuthenticated(BrandqError):
    """No key, or one that is unknown or revoked. The caller sends a valid key."""


class NotAllowed(BrandqError):
    """The key is valid, but lacks the scope. The caller asks for a key that has it."""


class NotFound(BrandqError):
    """No such thing for this owner. What exists for another owner is not found either."""


class Conflict(BrandqError):
    """The thing exists, but its state does not allow this. The caller reads its state first."""


class TooManyRequests(BrandqError):
    """The limit is used up. The caller comes back in ``wait_s`` seconds."""

    def __init__(self, detail: str, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(detail)


class TooMuchOpen(BrandqError):
    """So much is being asked already that the plan is not taken now. The caller comes back in ``wait_s`` seconds."""

    def __init__(self, detail: str, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(detail)


class CannotMake(BrandqError):
    """This form of a report cannot be made here: something is not installed, or it takes too long.

    The caller takes another form, or the operator does what the message says.
    """


class IllegalTransition(BrandqError):
    """Our bug: an event that ``states.py`` does not list. It rises and is seen."""


class DatabaseNotReady(BrandqError):
    """The database is unreachable, full, or not at the revision this code needs. Mend that, ``brandq migrate`` or wait.

    ``told``: what callers may be told of it; None where the message may name its host and user.
    """

    def __init__(self, message: str, told: str | None = None) -> None:
        self.told = told
        super().__init__(message)
