"""Planning a diagnosis: the form, what the plan in it would cost, take and tell, and its start.

Every button of the form sends all of it, and every reply is the whole page with what was typed. planning.js takes from
these replies the parts that changed, so that with a script nothing is loaded anew, and without one nothing is missing.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response

from brandq import store
from brandq.actors.accepting import Foreseen, accept, foresee
from brandq.errors import BadRequest, Conflict, NotFound, TooMuchOpen
from brandq.measures.sampling import foretell_precision, grade
from brandq.plan import MAX_BRANDS, MAX_PROMPTS, MAX_REPEATS, Plan, parse
from brandq.prompts import GAPS, INDUSTRIES, KINDS, LANGUAGES, library
from brandq.providers.registry import EngineListing
from brandq.web import wire
from brandq.web.api import send_later
from brandq.web.openapi import Operation, Parameter, Returns, Visit, operation
from brandq.web.pages.drafts import Draft, EngineRow, Misfit, draft_of_document, draft_of_plan, read_draft
from brandq.web.pages.rendering import PAGE, page, see, words_for
from brandq.web.pauses import known_of, pause
from brandq.web.schemas import TEXT, UUID
from brandq.words import Words

#: executions to start from again
SHOWN_AGAIN = 6
#: prompts shown one by one; more than a plan takes, so that it is seen where the list is to be cut
SHOWN_LINES = 3 * MAX_PROMPTS
#: prompts × repeats for which the guidance tells the precision
TOLD_PROMPTS = (5, 10, MAX_PROMPTS)
TOLD_REPEATS = (1, 3, 5)
MAX_PLAN_NAME = 100
_CURRENCIES = ("USD", "CNY", "EUR")
#: what tells one opening of the form from another; the plan's digest goes with it into the idempotency key
_OPENING = re.compile(r"[A-Za-z0-9_-]{16,64}")


@dataclass(frozen=True)
class Forecast:
    """What a draft would be: a plan with what is foreseen of it, or the faults that it has yet."""

    plan: Plan | None = None
    foreseen: Foreseen | None = None
    misfits: Sequence[Misfit] = ()

    @property
    def exploratory(self) -> bool:
        """Its numbers will show directions, and be nothing to decide by."""
        if self.plan is None or self.foreseen is None:
            return True
        known = self.foreseen.estimate["precision"]
        half_width = known["half_width"] if known["estimand"] == "market" else None
        return grade(len(self.plan.prompts), self.plan.repeats, half_width) == "exploratory"


@dataclass(frozen=True)
class Choice:
    """A row of the engines as the form shows it: its number, what is typed, and what is known of its engine."""

    row: int
    typed: EngineRow
    listed: EngineListing
    #: why it is not asked just now; None where it is
    paused: Mapping[str, Any] | None
    takes_locale: bool
    models: Sequence[str]
    #: the same provider stands above already
    further: bool


@dataclass(frozen=True)
class Group:
    """Engines of one kind, and those of them that lack a key."""

    key: str
    name: str
    choices: Sequence[Choice]
    without_key: Sequence[EngineListing]


@dataclass(frozen=True)
class Said:
    """What the page says of what was just done, and where its reader is to be taken."""

    notes: Sequence[str] = ()
    #: what stands in the way, which no field has
    trouble: str | None = None
    misfits: Sequence[Misfit] = ()
    #: the id of the input that is to be typed in next
    focus: str | None = None
    #: under which name the plan is to be saved
    plan_name: str = ""


# -- opening the form


@operation(
    Operation(
        "Plan a diagnosis",
        "pages",
        "run",
        {200: PAGE},
        parameters=(
            Parameter("again", UUID, "an earlier execution to start from", str),
            Parameter("saved", TEXT, "a saved plan to start from", wire.whole(1, wire.MAX_ROW)),
        ),
    )
)
def show_plan_form(visit: Visit) -> Response:
    """The form: empty, or with the plan of an earlier execution or one that was saved."""
    desk, words = visit.desk, words_for(visit.request)
    listed = desk.registry.listing()
    draft, imported, said = Draft(), list[str](), Said()
    if visit.given["again"] is not None:
        execution_id = _uuid(visit.given["again"])
        with desk.database.look() as db:
            found = store.execution(db, execution_id, owner=visit.caller.owner)
        draft, imported = draft_of_plan(found.plan)
        said = Said(notes=[words.say("This is the plan of an earlier diagnosis. Change what you like, then start it.")])
    elif visit.given["saved"] is not None:
        with desk.database.look() as db:
            saved = store.saved_plan(db, visit.caller.owner, visit.given["saved"])
        draft = draft_of_document(saved.document, desk.registry)
        said = Said(notes=[words.say("This is the saved plan “{name}”.", name=saved.name)], plan_name=saved.name)
    draft, missing = draft.fitted(listed)
    year = {"year": str(desk.now().year)}
    draft = replace(draft, shelf=replace(draft.shelf, language=words.language, filling=year))
    notes = list(said.notes)
    if imported:
        notes.append(
            words.say("Answers of {engines} were imported; nobody can be asked for them.", engines=words.list(imported))
        )
    if missing:
        notes.append(
            words.say("{engines} cannot be asked here, so the plan goes without.", engines=words.list(missing))
        )
    forecast = None if draft.blank else _foresee(visit, draft)
    return _form_page(visit, draft, forecast, replace(said, notes=notes))


def _uuid(given: str) -> str:
    """An execution's id as the database spells it. NotFound for what cannot be one."""
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", given):
        raise NotFound(f"there is no execution {given[:60]!r}")
    return given.lower()


@operation(Operation("Plan a diagnosis", "pages", "run", {303: Returns("The form")}))
def show_executions(visit: Visit) -> Response:
    """Where a form that was refused leads when its address is opened again."""
    return see("/executions/new")


# -- working on it


@operation(Operation("Change the plan in the form", "pages", "run", {200: PAGE}, form=True))
def revise_plan(visit: Visit) -> Response:
    """Do what the button says, and give the form again with all that was typed."""
    draft = read_draft(visit.form, visit.desk.registry.listing())
    doing, _, what = visit.form.get("do", "").partition(":")
    draft, said = _revised(visit, draft, doing, what)
    said = replace(said, plan_name=said.plan_name or visit.form.get("plan-name", ""))
    forecast = None if draft.blank and doing != "preview" else _foresee(visit, draft)
    return _form_page(visit, draft, forecast, said, status=422 if said.misfits else 200)


def _revised(visit: Visit, draft: Draft, doing: str, what: str) -> tuple[Draft, Said]:
    """The draft after what a button does, and what is said of it; unchanged where the button only looks."""
    words = words_for(visit.request)
    row = int(what) if what.isdecimal() and len(what) < 4 else -1
    if doing == "add-brand":
        more = draft.with_brand()
        return more, Said(focus=f"brand-{len(more.brands) - 1}-name")
    if doing == "drop-brand":
        fewer = draft.without_brand(row)
        return fewer, Said(focus=f"brand-{min(max(row, 0), len(fewer.brands) - 1)}-name")
    if doing == "more-engine":
        return draft.with_engine(what), Said()
    if doing == "drop-engine":
        return draft.without_engine(row), Said()
    if doing == "all-engines":
        names = [one.name for one in visit.desk.registry.listing() if _group_of(one) == what and one.model]
        return draft.with_all_engines(names), Said()
    if doing == "pick":
        more, new = draft.with_prompts(visit.form.all("pick"))
        return more, Said(notes=[words.count(new, "{n} prompt was added.", "{n} prompts were added.")])
    if doing == "bare":
        return draft.without_bullets(), Said(notes=[words.say("The numbers before the prompts are gone.")])
    if doing == "save":
        return draft, _save(visit, draft)
    if doing == "forget":
        return draft, _forget(visit, what)
    return draft, Said()


def _save(visit: Visit, draft: Draft) -> Said:
    """Keep the draft under the name in the form, finished or not."""
    words, name, fault = words_for(visit.request), " ".join(visit.form.get("plan-name", "").split()), None
    if not name:
        fault = words.say("Give the plan a name to save it under.")
    elif len(name) > MAX_PLAN_NAME or any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        fault = words.say("A name has at most {n} characters, and no control characters.", n=MAX_PLAN_NAME)
    else:
        try:
            with visit.desk.database.begin() as db:
                store.save_plan(db, visit.caller.owner, name, draft.document(), now=visit.desk.now())
        except Conflict as error:
            fault = words.told(str(error))
    if fault:
        return Said(misfits=[Misfit("plan-name", fault)])
    return Said(notes=[words.say("Saved as “{name}”.", name=name)], plan_name=name)


def _forget(visit: Visit, what: str) -> Said:
    words = words_for(visit.request)
    try:
        with visit.desk.database.begin() as db:
            store.remove_saved_plan(db, visit.caller.owner, int(what) if what.isdecimal() and len(what) < 19 else 0)
    except NotFound:
        return Said(notes=[words.say("That saved plan is gone already.")])
    return Said(notes=[words.say("The saved plan was removed.")])


@operation(Operation("Foresee the plan in the form", "pages", "run", {200: PAGE}, form=True))
def preview_plan(visit: Visit) -> Response:
    """What the plan would cost, take and tell, and its prompts one by one: two parts of the page and nothing else."""
    draft = read_draft(visit.form, visit.desk.registry.listing())
    forecast = None if draft.blank else _foresee(visit, draft)
    return page(visit, "planning_preview.html", **_foreseen(draft, forecast))


def _foresee(visit: Visit, draft: Draft) -> Forecast:
    desk = visit.desk
    try:
        plan = parse(draft.document(), desk.registry.choose, max_samples=desk.settings.max_samples)
        return Forecast(plan, foresee(desk, plan, owner=visit.caller.owner))
    except BadRequest as error:
        return Forecast(misfits=draft.misfits(error.faults, words_for(visit.request)))


# -- starting it


@operation(
    Operation(
        "Start a diagnosis",
        "pages",
        "run",
        {303: Returns("Accepted: its page"), 422: PAGE, 429: PAGE},
        form=True,
    )
)
def start_execution(visit: Visit) -> Response:
    """Accept the plan in the form, or give the form again with every fault at its field.

    Sent twice it is one execution: its key is made of this opening of the form and of the plan itself.
    """
    desk, form = visit.desk, visit.form
    draft = read_draft(form, desk.registry.listing())
    try:
        plan = parse(draft.document(), desk.registry.choose, max_samples=desk.settings.max_samples)
        accepted = accept(desk, plan, owner=visit.caller.owner, idempotency_key=_key(_opening(visit), plan))
    except BadRequest as error:
        misfits = draft.misfits(error.faults, words_for(visit.request))
        return _refused(visit, draft, Said(misfits=misfits), 422)
    except Conflict as error:
        return _refused(visit, draft, Said(trouble=str(error)), 409)
    except TooMuchOpen as error:
        refused = _refused(visit, draft, Said(trouble=str(error)), 429)
        refused.headers["Retry-After"] = str(error.wait_s)
        return refused
    response = see(f"/executions/{accepted.execution.execution_id}")
    if accepted.new:
        response.background = send_later(desk, accepted.execution.execution_id)
    return response


def _refused(visit: Visit, draft: Draft, said: Said, status: int) -> Response:
    forecast = Forecast(misfits=said.misfits) if said.misfits else _foresee(visit, draft)
    said = replace(said, plan_name=visit.form.get("plan-name", ""))
    return _form_page(visit, draft, forecast, said, status=status)


def _opening(visit: Visit) -> str:
    """What tells this opening of the form from others: as the form says it, else a new one."""
    given = visit.form.get("opening", "") if visit.body else ""
    return given if _OPENING.fullmatch(given) else secrets.token_urlsafe(16)


def _key(opening: str, plan: Plan) -> str:
    digest = hashlib.sha256(json.dumps(plan.to_json(), sort_keys=True, ensure_ascii=True).encode()).hexdigest()
    return f"form {opening} {digest}"


# -- the page


def _form_page(visit: Visit, draft: Draft, forecast: Forecast | None, said: Said, *, status: int = 200) -> Response:
    desk = visit.desk
    with desk.database.read() as db:
        states = store.engine_states(db)
        saved = store.list_saved_plans(db, visit.caller.owner)
        earlier = store.list_executions(db, visit.caller.owner, store.Filter(), SHOWN_AGAIN)
    at_field: dict[str, list[Misfit]] = {}
    for misfit in said.misfits:
        at_field.setdefault(misfit.field, []).append(misfit)
    return page(
        visit,
        "planning.html",
        status=status,
        draft=draft,
        said=said,
        at_field=at_field,
        opening=_opening(visit),
        groups=_groups(visit, draft, states),
        saved=saved,
        earlier=[one for one in earlier if not all(engine.imported for engine in one.plan.engines)],
        shelf=_shown(draft, words_for(visit.request)),
        library_languages=LANGUAGES,
        currencies=_currencies(visit, draft),
        precisions=[
            (repeats, [(prompts, foretell_precision(prompts, repeats)["half_width"]) for prompts in TOLD_PROMPTS])
            for repeats in TOLD_REPEATS
        ],
        told_prompts=TOLD_PROMPTS,
        most_brands=MAX_BRANDS,
        most_repeats=MAX_REPEATS,
        **_foreseen(draft, forecast),
    )


def _foreseen(draft: Draft, forecast: Forecast | None) -> dict[str, Any]:
    """What the preview and the list of prompts show."""
    lines = [line for line in draft.lines if line.same_as is None]
    return {
        "forecast": forecast,
        "lines": draft.lines[:SHOWN_LINES],
        "more_lines": max(0, len(draft.lines) - SHOWN_LINES),
        "asked": len(lines),
        "doubled": len(draft.lines) - len(lines),
        "naming": [line for line in lines if line.names],
        "bulleted": draft.bulleted,
        "commas": [alias for row in draft.brands for alias in _with_commas(row.aliases)],
        "most_prompts": MAX_PROMPTS,
    }


def _with_commas(aliases: str) -> list[str]:
    """Lines that look as if several names stood in them."""
    return [line.strip() for line in aliases.splitlines() if len(re.findall(r"[,，、;；]", line)) > 0]


# -- the library


@dataclass(frozen=True)
class Offer:
    """A prompt of the library as the form offers it; ``open`` names what is to be filled in before it can be taken."""

    text: str
    #: as it is read, with the names of its open gaps
    shown: str
    open: str
    taken: bool


@dataclass(frozen=True)
class Shown:
    """The library as it stands open: names and examples for its inputs, and its prompts by kind."""

    industries: Mapping[str, str]
    kinds: Mapping[str, str]
    gaps: Mapping[str, str]
    examples: Mapping[str, str]
    by_kind: Mapping[str, Sequence[Offer]]


def _shown(draft: Draft, words: Words) -> Shown:
    opened = draft.shelf
    here = library(opened.language)
    gaps = _gap_names(words)
    taken = set(draft.typed_prompts())
    by_kind: dict[str, list[Offer]] = {}
    for one in here.choose(opened.industry, opened.kind or None):
        text, missing = one.filled(opened.filling)
        shown, _ = one.filled({**{gap: f"[{gaps[gap]}]" for gap in missing}, **opened.filling})
        offer = Offer(text, shown, words.list(gaps[gap] for gap in missing), text in taken)
        by_kind.setdefault(one.kind, []).append(offer)
    examples = here.examples[opened.industry or INDUSTRIES[0]]
    return Shown(_industry_names(words), _kind_names(words), gaps, examples, by_kind)


def _gap_names(words: Words) -> dict[str, str]:
    names = (
        words.say("Product or service"),
        words.say("City"),
        words.say("Budget"),
        words.say("For whom"),
        words.say("Need or problem"),
        words.say("Year"),
    )
    return dict(zip(GAPS, names, strict=True))


def _kind_names(words: Words) -> dict[str, str]:
    names = (
        words.say("What to buy"),
        words.say("A problem and what solves it"),
        words.say("For whom"),
        words.say("Compared side by side"),
        words.say("Price and budget"),
        words.say("Reputation and trust"),
        words.say("Is it worth it?"),
        words.say("Alternatives"),
        words.say("Nearby"),
    )
    return dict(zip(KINDS, names, strict=True))


def _industry_names(words: Words) -> dict[str, str]:
    names = (
        words.say("Consumer electronics"),
        words.say("Home and appliances"),
        words.say("Cars and car service"),
        words.say("Software for companies"),
        words.say("Beauty and personal care"),
        words.say("Food and drink"),
        words.say("Travel and hotels"),
        words.say("Finance and insurance"),
        words.say("Education and courses"),
        words.say("Health and pharmacy"),
        words.say("Clothes and sports"),
        words.say("Games"),
        words.say("Local services"),
        words.say("Services for companies"),
    )
    return dict(zip(INDUSTRIES, names, strict=True))


# -- engines


def _group_names(words: Words) -> dict[str, str]:
    """In the order in which they are shown."""
    return {
        "international": words.say("International assistants"),
        "chinese": words.say("Chinese assistants"),
        "own": words.say("Models of your own"),
    }


def _group_of(listed: EngineListing) -> str:
    """Where an engine is looked for: one without a key is the user's own; a Chinese one has a Chinese name as well."""
    if not listed.key_env:
        return "own"
    return "chinese" if re.search(r"[\u4e00-\u9fff]", listed.title) else "international"


def _groups(visit: Visit, draft: Draft, states: Mapping[str, store.EngineState]) -> list[Group]:
    registry = visit.desk.registry
    groups = []
    listing = registry.listing()
    for key, name in _group_names(words_for(visit.request)).items():
        choices, without_key = list[Choice](), list[EngineListing]()
        for listed in (one for one in listing if _group_of(one) == key):
            if not (listed.configured or listed.simulated):
                without_key.append(listed)
                continue
            known = known_of(listed, states)
            rows = [(number, row) for number, row in enumerate(draft.engines) if row.name == listed.name]
            for place, (number, row) in enumerate(rows):
                model = row.model.strip() or listed.model or ""
                state = known.provider if known.provider and known.provider.open_until else known.models.get(model)
                choices.append(
                    Choice(
                        number,
                        row,
                        listed,
                        pause(state) if state else None,
                        registry.takes_locale(listed.name),
                        registry.models(listed.name),
                        place > 0,
                    )
                )
        if choices or without_key:
            groups.append(Group(key, name, choices, without_key))
    return groups


def _currencies(visit: Visit, draft: Draft) -> list[str]:
    """What a limit may be given in, the likeliest first."""
    daily = visit.desk.settings.daily_cost_limit
    if daily:
        return [daily.currency]
    likely = ["CNY"] if words_for(visit.request).language == "zh" else []
    priced = [one.price.currency for one in visit.desk.registry.listing() if one.price]
    typed = [draft.cost_currency] if re.fullmatch("[A-Z]{3}", draft.cost_currency) else []
    return list(dict.fromkeys((*typed, *likely, *_CURRENCIES, *priced)))
