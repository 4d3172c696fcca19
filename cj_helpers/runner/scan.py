"""The last look at a page before it is published: nothing but our own script may run, nothing redirect or load."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

SCRIPT = (Path(__file__).resolve().parents[1] / "template" / "script.js").read_text(encoding="utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
CSP = (
    f"default-src 'none'; script-src 'sha256-{_DIGEST}'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_OURS = f"<script>{SCRIPT}</script>"

_FORBIDDEN_TAGS = frozenset(
    {"applet", "base", "embed", "form", "frame", "frameset", "iframe", "link", "object", "portal", "script"}
)
_URL_ATTRIBUTES = frozenset(
    {"action", "background", "cite", "codebase", "data", "dynsrc", "formaction", "href", "longdesc", "lowsrc"}
    | {"manifest", "ping", "poster", "profile", "src", "srcset", "style", "usemap", "xlink:href"}
)
# Escaped text never has "<" before a name; this also finds what a browser and a parser read differently.
_RAW_TAG = re.compile(rf"<[\s/]*({'|'.join(sorted(_FORBIDDEN_TAGS))})\b", re.IGNORECASE)
_LOADING = frozenset({"background", "dynsrc", "lowsrc", "poster", "src"})
_ONE_PICTURE = re.compile(r"\s*data:\S+(\s+[\d.]+[wx])?\s*", re.IGNORECASE)
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|[/\\]{2}", re.IGNORECASE)
_CODE_URL = re.compile(r"(javascript|vbscript|livescript)\s*:|data:(text/html|application)", re.I)


def scan_html(page: str, *, links: Iterable[str] = ()) -> list[str]:
    """Return what must not be in a published page, in words; empty when the page may be published.

    A page holds no script but ours (`SCRIPT`, at most once), no frame, form, base, plug-in or outside file, no
    ``on...`` attribute, no ``javascript:`` link, and exactly one ``<meta http-equiv>``: the content security
    policy. The policy stops scripts by itself, but not, for example, a ``<meta http-equiv="refresh">`` from data.

    Pictures are part of the page (``data:``). A link to another place must be one of ``links``: those that the
    notebook's author has written, see `links_of`.
    """
    scanner = _Scanner(links)
    page = page.replace(_OURS, "", 1)
    scanner.feed(page)
    scanner.close()
    problems = scanner.problems + [f"<{match.group(1).lower()}>" for match in _RAW_TAG.finditer(page)]
    if scanner.policies != 1:
        problems.append(f"{scanner.policies} content security policies instead of one")
    return list(dict.fromkeys(problems))


def links_of(html: str) -> set[str]:
    """Return the links to the web or to an e-mail address in a piece of HTML."""
    scanner = _Scanner(())
    scanner.feed(html)
    scanner.close()
    return {link for link in scanner.elsewhere if re.match(r"(https?|mailto):", link, re.IGNORECASE)}


class _Scanner(HTMLParser):
    def __init__(self, links: Iterable[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.links = frozenset(links)
        self.elsewhere: set[str] = set()
        self.problems: list[str] = []
        self.policies = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name.lower(): value or "" for name, value in attrs}
        if tag in _FORBIDDEN_TAGS:
            self.problems.append(f"<{tag}>")
        if tag == "meta" and "http-equiv" in values:
            self._check_meta(values)
        for name, value in values.items():
            self._check_attribute(tag, name, value)

    handle_startendtag = handle_starttag

    def _check_meta(self, values: dict[str, str]) -> None:
        if values["http-equiv"].lower() == "content-security-policy" and values.get("content") == CSP:
            self.policies += 1
        else:
            self.problems.append("<meta http-equiv>")

    def _check_attribute(self, tag: str, name: str, value: str) -> None:
        if name.startswith("on"):
            self.problems.append(f"the attribute {name} of <{tag}>")
        # browsers drop control characters and blanks inside the name of a scheme
        plain = re.sub(r"[\x00-\x20]", "", value)
        if name in _URL_ATTRIBUTES and _CODE_URL.search(plain):
            self.problems.append(f"a link that runs code in <{tag}>")
        loads = name in _LOADING and not plain.lower().startswith("data:")
        if loads or (name == "srcset" and not _ONE_PICTURE.fullmatch(value)):
            self.problems.append(f"a {name} outside the page in <{tag}>")
        if name in ("href", "xlink:href"):
            self._check_link(tag, plain)

    def _check_link(self, tag: str, link: str) -> None:
        if tag not in ("a", "area"):  # in pictures a reference is followed without a click
            if not link.startswith("#") and not link.lower().startswith("data:image/"):
                self.problems.append(f"a reference outside the page in <{tag}>")
        elif _ELSEWHERE.match(link):
            self.elsewhere.add(link)
            if link not in self.links:
                self.problems.append(f"a link to elsewhere in <{tag}> that the notebook's text does not have")
