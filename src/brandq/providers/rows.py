"""Registry rows: from TOML tables to Providers, with every fault of every table named at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from brandq.errors import BadSettings
from brandq.plan import name_key
from brandq.providers import DIALECTS, MAX_IN_FLIGHT
from brandq.providers.dialect import BEARER, DIRECT, LOCALE, DialectInRounds, ErrorClass, Price, Provider

#: seconds; below ASKING_S of the fetch actor, so that a call may still wait a minute for a free slot
MAX_TOTAL_S = 480.0
#: follow-ups of one attempt; each is paid for, and no assistant that means to end takes so many
MAX_ROUNDS = 10
#: more are no limit: so many calls are never in flight
MAX_REQUESTS_PER_MINUTE = 100_000
REFUSED = "refused"

#: fields whose tables are added to, entry by entry; every other field of the user's row replaces the one below it
_ADDED_TO = ("error_codes", "prices")
_NOT_IN_BODY = (
    "contents",
    "instructions",
    "messages",
    "model",
    "n",
    "stream",
    "system",
    "systemInstruction",
    "system_instruction",
)
_NOT_IN_HEADERS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key")
_PRICE_FIELDS = ("tokens_in", "tokens_out", "currency", "dated", "search")

_Table = Mapping[str, Any]


def read_rows(built_in: _Table, users: _Table, source: str) -> dict[str, Provider]:
    """All rows by name, the user's over the built-in ones. BadSettings lists every fault of the file ``source``."""
    faults: list[str] = []
    if set(users) - {"engines"}:
        faults.append(
            f"{source}: only [engines.NAME] tables are known, not {', '.join(sorted(set(users) - {'engines'}))}"
        )
    tables: dict[str, dict[str, Any]] = {name: dict(table) for name, table in built_in["engines"].items()}
    over = users.get("engines", {})
    if not isinstance(over, dict):
        faults.append(f"{source}: engines: expected [engines.NAME] tables")
        over = {}
    for name, table in over.items():
        if isinstance(table, dict):
            tables[name] = _over(tables.get(name, {}), table)
        else:
            faults.append(f"{source}: [engines.{name}]: expected a table")
    rows: dict[str, Provider] = {}
    for name, table in tables.items():
        reader = _Row(name, table, f"{source}: [engines.{name}]", faults)
        rows[name] = reader.provider()
    _check_names(rows, source, faults)
    if faults:
        raise BadSettings(faults)
    return rows


def _over(below: _Table, above: _Table) -> dict[str, Any]:
    table = {**below, **above}
    for field in _ADDED_TO:
        if isinstance(below.get(field), dict) and isinstance(above.get(field), dict):
            table[field] = {**below[field], **above[field]}
    return table


def _check_names(rows: Mapping[str, Provider], source: str, faults: list[str]) -> None:
    owners: dict[str, str] = {}
    for row in rows.values():
        for spelling in (row.name, *row.aliases):
            owner = owners.setdefault(name_key(spelling), row.name)
            if owner != row.name:
                faults.append(f"{source}: {spelling!r} names both [engines.{owner}] and [engines.{row.name}]")


def takes_locale(row: Provider) -> bool:
    """Whether the row says where a locale goes; elsewhere an engine that claims one would be measured without it."""
    return _holds_locale(row.body) or _holds_locale(row.search)


def _holds_locale(found: object) -> bool:
    if isinstance(found, Mapping):
        return any(_holds_locale(value) for value in found.values())
    if isinstance(found, list | tuple):
        return any(_holds_locale(item) for item in found)
    return found == LOCALE


class _Row:
    """Reads one table field by field; what is wrong goes to ``faults``, and a harmless value takes its place."""

    def __init__(self, name: str, table: _Table, where: str, faults: list[str]) -> None:
        self.name = name
        self.table = table
        self.where = where
        self.faults = faults
        self.read: set[str] = set()

    def provider(self) -> Provider:
        if not self.name.strip() or any(char in "/?" or char.isspace() or not char.isprintable() for char in self.name):
            self.faults.append(f"{self.where}: a name holds no white space, no / and no ?")
        codes, refusal_codes = self._error_codes()
        provider = Provider(
            name=self.name,
            title=self._text("title") or self.name,
            dialect=self._dialect(),
            base_url=self._base_url(),
            model=self._text("model"),
            key_env=self._texts(
                "key_env", lambda text: text.replace("_", "").isalnum() and text.isascii(), "a variable"
            ),
            aliases=self._texts("aliases", lambda text: bool(text.strip()), "an alias"),
            path=self._path(),
            headers=self._headers(),
            body=self._body("body") or {},
            search=self._body("search") or None,
            search_default=self._flag("search_default"),
            citations=self._texts("citations", lambda text: text in self._extractors(), "an extractor"),
            error_codes=codes,
            refusal_codes=refusal_codes,
            prices=self._prices(),
            concurrency=int(self._number("concurrency", 8, MAX_IN_FLIGHT, whole=True)),
            total_s=self._number("total_s", 180.0, MAX_TOTAL_S),
            verified=self._flag("verified"),
            think_tags=self._flag("think_tags"),
            locale=self._text("locale"),
            key_header=(self._text("key_header") or BEARER).lower(),
            rounds=int(self._number("rounds", 0, MAX_ROUNDS, whole=True, zero=True)),
            requests_per_minute=int(self._number("requests_per_minute", 0, MAX_REQUESTS_PER_MINUTE, whole=True))
            or None,
            proxy=self._proxy(),
            first_byte_s=self._number("first_byte_s", 0, MAX_TOTAL_S) or None,
        )
        if provider.search_default and provider.search is None:
            self._fault("search_default", "there is no search to be on by default; say how in `search`")
        if provider.rounds and not isinstance(DIALECTS[provider.dialect], DialectInRounds):
            self._fault("rounds", f"the dialect {provider.dialect} has none; leave it out, or give 0")
        if provider.first_byte_s and provider.first_byte_s >= provider.total_s:
            self._fault("first_byte_s", f"expected less than total_s, which is {provider.total_s:g}")
        if provider.locale and not takes_locale(provider):
            self._fault("locale", f'nothing in `body` or `search` holds "{LOCALE}", so it would never be sent')
        for field in sorted(set(self.table) - self.read):
            self._fault(field, f"unknown field; a row has {', '.join(sorted(self.read))}")
        return provider

    def _fault(self, field: str, detail: str) -> None:
        self.faults.append(f"{self.where} {field}: {detail}")

    def _take(self, field: str) -> Any:
        self.read.add(field)
        return self.table.get(field)

    def _text(self, field: str) -> str | None:
        found = self._take(field)
        if found is None or found == "":
            return None
        if not isinstance(found, str) or not found.strip() or not found.isprintable():
            self._fault(field, "expected a text")
            return None
        return found.strip()

    def _flag(self, field: str) -> bool:
        found = self._take(field)
        if found is not None and not isinstance(found, bool):
            self._fault(field, "expected true or false")
        return found is True

    def _number(self, field: str, default: float, most: float, *, whole: bool = False, zero: bool = False) -> float:
        found = self._take(field)
        if found is None:
            return default
        good = isinstance(found, int if whole else int | float) and not isinstance(found, bool)
        if not good or not 0 <= found <= most or (found == 0 and not zero):
            self._fault(
                field,
                f"expected a {'whole ' if whole else ''}number {'from 0' if zero else 'above 0'}, at most {most:,g}",
            )
            return default
        return float(found)

    def _texts(self, field: str, good: Callable[[str], bool], noun: str) -> tuple[str, ...]:
        found = self._take(field)
        if found is None:
            return ()
        items = [found] if isinstance(found, str) and field == "key_env" else found
        if not isinstance(items, list):
            self._fault(field, "expected a list of texts")
            return ()
        bad = [item for item in items if not isinstance(item, str) or not good(item)]
        if bad:
            detail = f"{', '.join(map(repr, bad))}: not {noun}"
            known = f"there are {', '.join(self._extractors())}"
            self._fault(field, f"{detail}; {known}" if field == "citations" else detail)
        return tuple(dict.fromkeys(item for item in items if isinstance(item, str)))

    def _extractors(self) -> tuple[str, ...]:
        """What the row's dialect can take sources from; one whose sources stand in one place has no names for it."""
        return tuple(getattr(DIALECTS.get(str(self.table.get("dialect"))), "EXTRACTORS", ()))

    def _dialect(self) -> str:
        dialect = self._text("dialect")
        if dialect is None or dialect not in DIALECTS:
            self._fault("dialect", f"expected one of {', '.join(DIALECTS)}")
            return next(iter(DIALECTS))
        return dialect

    def _base_url(self) -> str:
        url = self._text("base_url") or ""
        try:
            parts = urlsplit(url)
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or any(char.isspace() for char in url):
            self._fault("base_url", "expected http://… or https://…, up to where the path begins")
        elif parts.query or parts.fragment or parts.username or parts.password:
            self._fault("base_url", "must hold no user, ? or #; the key goes into the variable that key_env names")
        return url.rstrip("/")

    def _proxy(self) -> str | None:
        proxy = self._text("proxy")
        if proxy is None or proxy == DIRECT:
            return proxy
        try:
            parts = urlsplit(proxy)
            named = parts.scheme in ("http", "https") and bool(parts.hostname) and bool(parts.port)
            bare = parts.path in ("", "/") and not parts.query and not parts.fragment
        except ValueError:
            named = bare = False
        if "@" in proxy:
            self._fault("proxy", "must hold no user or password; a proxy with one goes into HTTPS_PROXY of the process")
        elif not named or not bare or any(char.isspace() for char in proxy):
            self._fault("proxy", f'expected "{DIRECT}", http://host:port or https://host:port')
        return proxy.rstrip("/")

    def _path(self) -> str | None:
        path = self._text("path")
        if path is not None and (not path.startswith("/") or any(char.isspace() for char in path)):
            self._fault("path", "expected a path that begins with /")
        return path

    def _table(self, field: str) -> dict[str, Any]:
        found = self._take(field)
        if found is None:
            return {}
        if not isinstance(found, dict):
            self._fault(field, "expected a table")
            return {}
        return found

    def _headers(self) -> dict[str, str]:
        headers = self._table("headers")
        for name, value in headers.items():
            if name.lower() in _NOT_IN_HEADERS:
                self._fault("headers", f"{name} is sent from the variable that key_env names, never from here")
            elif not isinstance(value, str) or not value.isprintable() or not name.isascii() or not name.isprintable():
                self._fault("headers", f"{name}: expected a text of one line")
        return {name.lower(): str(value) for name, value in headers.items()}

    def _body(self, field: str) -> dict[str, Any]:
        body = self._table(field)
        taken = [name for name in body if name in _NOT_IN_BODY]
        if taken:
            self._fault(field, f"{', '.join(taken)}: is brandq's to fill")
        dates = [name for name, value in body.items() if not _is_json(value)]
        if dates:
            self._fault(field, f"{', '.join(dates)}: holds a date or a number that JSON has no form for")
        return body

    def _error_codes(self) -> tuple[dict[str, ErrorClass], tuple[str, ...]]:
        codes: dict[str, ErrorClass] = {}
        refusals: list[str] = []
        for code, meant in self._table("error_codes").items():
            if meant == REFUSED:
                refusals.append(code)
            elif isinstance(meant, str) and meant in set(ErrorClass):
                codes[code] = ErrorClass(meant)
            else:
                self._fault("error_codes", f"{code} = {meant!r}: expected {', '.join(ErrorClass)} or {REFUSED}")
        return codes, tuple(refusals)

    def _prices(self) -> dict[str, Price]:
        prices = {}
        for model, fields in self._table("prices").items():
            price = self._price(fields)
            if price is None:
                self._fault(
                    "prices",
                    f'"{model}": expected tokens_in and tokens_out per million (texts such as "0.11"), '
                    'currency (such as "USD"), dated (YYYY-MM-DD), and at most search (the fee of one)',
                )
            else:
                prices[model] = price
        return prices

    @staticmethod
    def _price(fields: object) -> Price | None:
        if not isinstance(fields, dict) or set(fields) - set(_PRICE_FIELDS):
            return None
        currency = fields.get("currency")
        try:
            tokens_in, tokens_out = _amount(fields["tokens_in"]), _amount(fields["tokens_out"])
            search = _amount(fields["search"]) if "search" in fields else None
            dated = date.fromisoformat(str(fields["dated"])).isoformat()
        except (KeyError, ValueError, InvalidOperation):
            return None
        if not isinstance(currency, str) or len(currency) != 3 or not currency.isupper():
            return None
        return Price(tokens_in, tokens_out, currency, dated, search)


def _amount(found: object) -> Decimal:
    """An amount of money. ValueError or InvalidOperation for anything else, and for floats, which are not exact."""
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise ValueError("an amount is a text")
    amount = Decimal(found)
    if not amount.is_finite() or not 0 <= amount < 1_000_000:
        raise ValueError("an amount is finite and not negative")
    return amount


def _is_json(found: object) -> bool:
    if isinstance(found, dict):
        return all(_is_json(value) for value in found.values())
    if isinstance(found, list):
        return all(_is_json(item) for item in found)
    return isinstance(found, str | bool | int) or (isinstance(found, float) and found - found == 0)
