"""The registry: which providers there are, which of them can be asked, and which engine a caller's wish means.

Rows come from ``registry.toml`` and from the user's file of the same form. An engine's key is its provider's name alone
when everything else is as in the row, and otherwise names what differs, always in this order:

    zhipu    zhipu/glm-5.3    zhipu?search=off    zhipu/glm-5.3?search=off&locale=zh-CN

A model stands percent-encoded where it holds characters that part the key. Names are found by exact spelling, whatever
the case or width of their letters, and never by likeness: asking the wrong engine would be paid for and believed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode

from brandq.errors import BadSettings
from brandq.plan import EngineRef, EngineWish, name_key
from brandq.providers.dialect import BEARER, Price, Provider
from brandq.providers.rows import read_rows, takes_locale

#: what the column that holds an engine's key takes
MAX_ENGINE_CHARS = 200

Simulate = Literal["off", "missing", "all"]


def load(user_file: Path | None = None) -> dict[str, Provider]:
    """Every row by name: brandq's own, then the user's over them. BadSettings lists every fault of the file."""
    built_in = tomllib.loads(files("brandq.providers").joinpath("registry.toml").read_text(encoding="utf-8"))
    if user_file is None:
        return read_rows(built_in, {}, "registry.toml")
    try:
        users = tomllib.loads(user_file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadSettings([f"{user_file}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:  # bad TOML and bad UTF-8
        raise BadSettings([f"{user_file}: is not TOML: {error}"]) from error
    return read_rows(built_in, users, str(user_file))


def key_names(rows: Mapping[str, Provider]) -> tuple[str, ...]:
    """The environment variables that may hold a key for one of these rows."""
    return tuple(sorted({name for row in rows.values() for name in row.key_env}))


@dataclass(frozen=True)
class EngineListing:
    """One row as callers may see it.

    ``configured``: its key is here, or it needs none; ``simulated``: the simulator answers in its place.
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    dialect: str
    model: str | None
    configured: bool
    simulated: bool
    #: None where it has no search, else whether search is on by default
    search: bool | None
    locale: str | None
    verified: bool
    key_env: tuple[str, ...]
    #: at most so many calls begin in a minute; None where no limit is known
    requests_per_minute: int | None
    price: Price | None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; amounts are texts, as they are everywhere on the wire."""
        fields = asdict(self)
        if self.price:
            fields["price"] = {
                name: value if value is None else str(value) for name, value in asdict(self.price).items()
            }
        return fields


class Registry:
    """The rows together with the keys that this process holds. Never printed, stored or sent: it knows the keys."""

    def __init__(
        self,
        rows: Mapping[str, Provider],
        keys: Mapping[str, str | None],
        simulate: Simulate = "off",
        simulator_url: str | None = None,
    ) -> None:
        """``keys``: by environment variable, absent or empty where one is not set. BadSettings names what is no key."""
        self._rows = dict(rows)
        self._keys = {variable: key.strip() for variable, key in keys.items() if key and key.strip()}
        faults = [
            f"{variable}: holds white space or control characters inside, so it is no key; is it two lines?"
            for variable, key in sorted(self._keys.items())
            if any(char.isspace() or not char.isprintable() for char in key)
        ]
        if faults:
            raise BadSettings(faults)
        self._simulate = simulate
        self._simulator_url = simulator_url.rstrip("/") if simulator_url else None
        self._names = {name_key(name): row.name for row in self._rows.values() for name in (row.name, *row.aliases)}

    def __repr__(self) -> str:
        return f"Registry({len(self._rows)} rows, simulate={self._simulate!r})"

    # -- what a caller wishes

    def choose(self, wish: EngineWish) -> EngineRef | str:
        """The engine that the wish means, the same in every process with these rows and keys; or why there is none.

        ``wish.name`` may also be an engine's key, as ``EngineRef.engine`` spells it.
        """
        row = self._row(wish.name)
        if row is None:
            unfolded = self._unfolded(wish)
            if isinstance(unfolded, str):
                return unfolded
            wish, row = unfolded
        model = wish.model or row.model
        if model is None:
            return f"{row.name} has no model of its own; name one, as in {row.name}/MODEL"
        search = row.search_default if wish.search is None else wish.search
        if search and row.search is None:
            return f"{row.name} has no search in the dialect {row.dialect}; leave search out, or give false"
        locale = wish.locale or row.locale
        if locale and not takes_locale(row):
            return f"{row.name} cannot be told a locale; leave it out, or name the place in the prompt"
        if not self._answerable(row):
            return f"{row.name} has no key here: set {' or '.join(row.key_env)}"
        key = _engine_key(row, model, search, locale)
        if len(key) > MAX_ENGINE_CHARS:
            return f"{row.name}: model and locale together are too long; at most {MAX_ENGINE_CHARS} characters fit"
        return EngineRef(
            engine=key,
            provider=row.name,
            model=model,
            search=search,
            locale=locale,
            simulated=self._simulated(row),
        )

    def takes_locale(self, name: str) -> bool:
        """Whether the engine of this name can be told a locale."""
        row = self._row(name)
        return row is not None and takes_locale(row)

    def models(self, name: str) -> tuple[str, ...]:
        """The models of this engine whose price is known, the row's own first; others may be asked as well."""
        row = self._row(name)
        if row is None:
            return ()
        return tuple(dict.fromkeys((*([row.model] if row.model else []), *row.prices)))

    def canonical(self, name: str) -> str:
        """The name of the row that is meant, by exact alias; the name as it is where none is."""
        row = self._row(name)
        return name if row is None else row.name

    def _row(self, name: str) -> Provider | None:
        return self._rows.get(self._names.get(name_key(name), ""))

    def _unfolded(self, wish: EngineWish) -> tuple[EngineWish, Provider] | str:
        """A wish whose name is an engine's key, as a wish in parts."""
        front, _, options = wish.name.partition("?")
        name, _, model = front.partition("/")
        row = self._row(name)
        if row is None:
            return self._unknown(wish.name)
        asked = dict(parse_qsl(options, keep_blank_values=True))
        strange = sorted(set(asked) - {"search", "locale"})
        if strange or asked.get("search", "on") not in ("on", "off"):
            return f"{wish.name!r}: after the ? only search=on, search=off and locale=… are known"
        search = asked["search"] == "on" if "search" in asked else None
        for given, inside in ((wish.model, model), (wish.search, search), (wish.locale, asked.get("locale"))):
            if given is not None and inside not in (None, ""):
                return f"{wish.name!r} already says its model, search or locale; give each in one place"
        return (
            EngineWish(
                row.name,
                wish.model or unquote(model) or None,
                wish.search if search is None else search,
                wish.locale or asked.get("locale") or None,
            ),
            row,
        )

    def _unknown(self, name: str) -> str:
        usable = [row.name for row in self._rows.values() if self._answerable(row)]
        if len(usable) == len(self._rows):
            return f"there is no engine {name!r}; there are {', '.join(usable)}"
        keyed = ", ".join(usable) or "none"
        others = ", ".join(row.name for row in self._rows.values() if row.name not in usable)
        return f"there is no engine {name!r}; those that can be asked here are {keyed}; without a key: {others}"

    # -- who answers

    def provider(self, engine: EngineRef) -> Provider:
        """The row to ask for a stored engine, with the simulator's address where that answers in its place.

        BadSettings when this process cannot ask it: its row or the simulator's address is missing.
        """
        row = self._rows.get(engine.provider)
        if row is None or engine.imported:
            reason = (
                "its answers were imported" if engine.imported else "it has no row here; is the engines file the same?"
            )
            raise BadSettings([f"{engine.engine} cannot be asked: {reason}"])
        if not engine.simulated:
            return row
        if self._simulator_url is None:
            raise BadSettings([f"{engine.engine} is simulated, and this process does not know the simulator's address"])
        return replace(
            row,
            dialect="openai-chat",
            base_url=f"{self._simulator_url}/v1",
            path=None,
            headers={},
            body={},
            search={"web_search_options": {}},
            citations=(),
            key_env=(),
            key_header=BEARER,
            prices={},  # nobody is paid for it
            rounds=0,
            requests_per_minute=None,
            proxy=None,
        )

    def key(self, engine: EngineRef) -> str | None:
        """The key to send for this engine; None for simulated ones and for those that need none."""
        row = self._rows.get(engine.provider)
        return None if row is None or engine.simulated else self._key(row)

    def price(self, engine: EngineRef) -> Price | None:
        """The list price of this engine's model; None where the row has none, and for what nobody is paid for."""
        row = self._rows.get(engine.provider)
        return None if row is None or engine.simulated or engine.imported else row.prices.get(engine.model)

    def listing(self) -> list[EngineListing]:
        """Every row, for people and for GET /api/engines."""
        return [
            EngineListing(
                name=row.name,
                title=row.title,
                aliases=row.aliases,
                dialect=row.dialect,
                model=row.model,
                configured=self._configured(row),
                simulated=self._simulated(row),
                search=None if row.search is None else row.search_default,
                locale=row.locale,
                verified=row.verified,
                key_env=row.key_env,
                requests_per_minute=row.requests_per_minute,
                price=row.prices.get(row.model) if row.model else None,
            )
            for row in self._rows.values()
        ]

    def _key(self, row: Provider) -> str | None:
        return next((self._keys[variable] for variable in row.key_env if variable in self._keys), None)

    def _configured(self, row: Provider) -> bool:
        return not row.key_env or self._key(row) is not None

    def _simulated(self, row: Provider) -> bool:
        return self._simulate == "all" or (self._simulate == "missing" and not self._configured(row))

    def _answerable(self, row: Provider) -> bool:
        return self._configured(row) or self._simulated(row)


def _engine_key(row: Provider, model: str, search: bool, locale: str | None) -> str:
    options = {}
    if search != row.search_default:
        options["search"] = "on" if search else "off"
    if locale != row.locale:
        options["locale"] = str(locale)
    key = row.name if model == row.model else f"{row.name}/{quote(model, safe='/:@+,;=~()')}"
    return f"{key}?{urlencode(options)}" if options else key
