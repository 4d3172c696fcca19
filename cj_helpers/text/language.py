"""The catalogue of the chosen language."""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping
from pathlib import Path

from cj_helpers.contract import ConfigError

DOMAIN = "cj"
LOCALE_FOLDER = Path(__file__).resolve().parent.parent / "locale"
ENGLISH = "en"

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_language = ENGLISH
_wording: Mapping[str, str] = {}


def N_(message: str) -> str:
    """Mark a literal for translation that is looked up later; returns it unchanged."""
    return message


def _(message: str) -> str:
    """Look a literal up in the catalogue; what it does not hold stays as it is."""
    # The empty message is the header of a catalogue, never a text.
    return _catalogue.gettext(_wording.get(message, message)) if message else ""


def set_wording(words: Mapping[str, str]) -> None:
    """Say some literals in other words, such as those for data without contracts; an empty mapping undoes it."""
    global _wording
    _wording = words


def in_context(context: str, message: str) -> str:
    """Look up a literal that means something only in its context, such as a decimal mark."""
    return _catalogue.pgettext(context, message)


def languages(folder: Path = LOCALE_FOLDER) -> list[str]:
    """Codes of the languages that `set_language` accepts: English and every compiled catalogue."""
    compiled = {path.parent.parent.name for path in folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")}
    return sorted({ENGLISH, *compiled})


def current_language() -> str:
    """Code of the language in use."""
    return _language


def set_language(code: str, *, folder: Path = LOCALE_FOLDER) -> None:
    """Choose the language of everything that readers see.

    Parameters
    ----------
    code : str
        Such as ``en``, ``de`` or ``de_AT``; a region without a catalogue takes that of its language.
    folder : Path
        Where the catalogues lie: ``<code>/LC_MESSAGES/cj.mo``.

    Raises
    ------
    ConfigError
        When there is no catalogue for the language.
    """
    global _catalogue, _language
    wanted = code.replace("-", "_")
    base = wanted.split("_")[0]
    available = languages(folder)
    if not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", wanted) or not {wanted, base} & set(available):
        raise ConfigError(
            f"language: {code!r} has no translation; available: {', '.join(available)}. "
            f"A new one is a compiled catalogue cj_helpers/locale/<code>/LC_MESSAGES/{DOMAIN}.mo."
        )
    chosen = wanted if wanted in available else base
    _catalogue = gettext.NullTranslations() if chosen == ENGLISH else _read(chosen, folder)
    _language = wanted


def _read(code: str, folder: Path) -> gettext.NullTranslations:
    try:
        return gettext.translation(DOMAIN, localedir=folder, languages=[code])
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise ConfigError(
            f"language: the catalogue {code}/LC_MESSAGES/{DOMAIN}.mo cannot be read ({error}). "
            f"Compile it again: pybabel compile -d cj_helpers/locale -D {DOMAIN}"
        ) from error
