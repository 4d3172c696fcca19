"""The privacy gate: no address, number or id of a customer in anything that a run publishes."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cj_helpers.contract import ConfigError
from cj_helpers.runner.said import published_text, published_words, words_like_ids
from cj_helpers.runner.verdict import FAILED, Verdict
from cj_helpers.runner.worker import Outcome
from cj_helpers.text import _, fill

if TYPE_CHECKING:
    from cj_helpers.runner.plan import Plan

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,24}\b")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
# International, or national with a leading 0 and separators or 10 to 12 digits: others are counts, ids and decimals.
_PHONES = (
    re.compile(r"(?<![\w.,+-])\+[1-9]\d{0,2}(?:[ /-]?\(?\d{1,5}\)?){2,6}(?![\w.]|-\d)"),
    re.compile(r"(?<![\w.,+-])00[1-9]\d{0,2}(?:[ /-]\(?\d{1,9}\)?){1,6}(?![\w.]|-\d)"),
    re.compile(r"(?<![\w.,+-])\(?0[1-9]\d{1,4}\)?[ /-]\d{3,9}(?:[ -]?\d{2,4}){0,3}(?![\w.]|-\d)"),
    re.compile(r"(?<![\w.,+-])0[1-9]\d{8,10}(?![\w.]|-\d)"),
)
_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
_IPV6 = re.compile(r"(?<![\w:])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_HARMLESS = frozenset({"127.0.0.1", "::1"})
_SUFFIXES = frozenset({".html", ".ipynb", ".csv", ".json", ".log"})


def find_personal(text: str) -> list[tuple[str, str]]:
    """Return (kind, what was found) of every e-mail address, IBAN, phone number and IP address in a text.

    Examples
    --------
    >>> find_personal("call +49 30 1234567, IBAN DE89 3704 0044 0532 0130 00")
    [('IBAN', 'DE89 3704 0044 0532 0130 00'), ('phone number', '+49 30 1234567')]
    """
    return list(dict.fromkeys(_personal(text)))


def is_iban(text: str) -> bool:
    """Whether a text is an IBAN by its check digits (ISO 7064, modulus 97).

    Examples
    --------
    >>> is_iban("DE89 3704 0044 0532 0130 00"), is_iban("DE88 3704 0044 0532 0130 00")
    (True, False)
    """
    plain = text.replace(" ", "")
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def guard(site: Path, plan: Plan, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Take out of a run every notebook whose page, tables or other files hold something personal.

    Parameters
    ----------
    site : Path
        The staged run.
    plan : Plan
    outcomes : sequence of Outcome
        As the notebooks ended.

    Returns
    -------
    list of Outcome
        A notebook that was taken out is *failed*, with the kind of what was found and the file, never the value; its
        page says so and nothing else. Public data are not looked at.
    """
    if plan.source.public:
        return list(outcomes)
    books = {book.name: book for book in plan.to_run}
    checked = []
    for outcome in outcomes:
        book = books.get(outcome.name)
        allowed = _authors_own(book.content["cells"]) if book else set()
        outcome = dataclasses.replace(outcome, verdict=public_verdict(outcome.verdict, plan.source.raw_ids))
        problem = _problem(_files_of(site, outcome.name), site, allowed, plan.source.raw_ids)
        checked.append(_take_out(site, plan, outcome, problem) if problem and book else outcome)
    return checked


def check_records(site: Path, plan: Plan) -> None:
    """Refuse to publish a run whose index, results, manifest or log hold something personal.

    Raises
    ------
    ConfigError
        With the kind and the file: it comes from dataset.yml or the names of files.
    """
    names = ("index.html", "results.json", "manifest.json", "run.log")
    if plan.source.public:
        return
    problem = _problem([site / name for name in names], site, set(), plan.source.raw_ids)
    if problem:
        raise ConfigError(
            f"not published: {problem}; it comes from dataset.yml, a parameter or the name of a file: change it there"
        )


def _personal(text: str) -> Iterator[tuple[str, str]]:
    yield from (("e-mail address", found) for found in _EMAIL.findall(text))
    yield from (("IBAN", found) for found in _IBAN.findall(text) if is_iban(found))
    for found in (number for pattern in _PHONES for number in pattern.findall(text)):
        if 8 <= sum(sign.isdigit() for sign in found) <= 15:
            yield "phone number", found
    for found in [*_IPV4.findall(text), *_IPV6.findall(text)]:
        if found not in _HARMLESS and _is_address(found):
            yield "IP address", found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def public_verdict(verdict: Verdict, hashes: Any) -> Verdict:
    """Withhold a reason that quotes the data; `hashes` of the raw ids, None for public data."""
    reason = verdict.reason
    kinds = [kind for kind, _value in find_personal(reason)] or ["raw customer id"] * bool(
        _raw_ids(words_like_ids(reason), hashes)
    )
    if not kinds:
        return verdict
    return dataclasses.replace(verdict, reason=fill("the reason is withheld: {kind}", kind=kinds[0]))


def _problem(files: Collection[Path], site: Path, allowed: set[str], raw_ids: Any) -> str:
    """Kind and file of the first thing that must not be published; empty when there is none."""
    words: dict[str, Path] = {}  # where each word that could be an id stands first
    for file in files:
        text = published_text(file)
        found = [kind for kind, value in find_personal(text) if value not in allowed]
        if found:
            return fill("{kind} in {file}", kind=found[0], file=file.relative_to(site).as_posix())
        words = dict.fromkeys(published_words(file, text), file) | words
    named = [words[word] for word in _raw_ids(words, raw_ids)]
    if not named:
        return ""
    return fill("{kind} in {file}", kind="raw customer id", file=min(named).relative_to(site).as_posix())


def _raw_ids(words: Collection[str], hashes: Any) -> set[str]:
    if hashes is None or not len(hashes):
        return set()
    from cj_helpers.dataset import find_raw_ids

    return find_raw_ids(words, hashes)


def _authors_own(cells: Sequence[dict[str, Any]]) -> set[str]:
    """What the notebook's author has written, such as an address for questions."""
    source = "\n".join(cell["source"] for cell in cells)
    return {value for _kind, value in find_personal(source)}


def _files_of(site: Path, name: str) -> list[Path]:
    own = [site / f"{name}.html", site / "notebooks" / f"{name}.ipynb"]
    below = [path for kind in ("tables", "figures", "export") for path in (site / kind / name).rglob("*")]
    return [path for path in [*own, *sorted(below)] if path.is_file() and path.suffix in _SUFFIXES]


def _take_out(site: Path, plan: Plan, outcome: Outcome, problem: str) -> Outcome:
    from cj_helpers.runner.html import render_notice

    reason = fill("it was not published to protect customers: {problem}", problem=problem)
    verdict = Verdict(FAILED, reason)
    for kind in ("tables", "figures", "export"):
        shutil.rmtree(site / kind / outcome.name, ignore_errors=True)
    (site / "notebooks" / f"{outcome.name}.ipynb").unlink(missing_ok=True)
    book = next(book for book in plan.to_run if book.name == outcome.name)
    page = render_notice(book, verdict=verdict, facts=plan.facts)
    (site / f"{outcome.name}.html").write_text(page, encoding="utf-8")
    log = [*outcome.log, f"{_('Privacy')}: {problem}"]
    return Outcome(outcome.name, outcome.title, verdict, log=log)
