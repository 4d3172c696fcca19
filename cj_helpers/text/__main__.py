"""python -m cj_helpers.text cj.pot: collect every text for translators."""

from __future__ import annotations

import sys
from pathlib import Path

from cj_helpers.text.messages import find_messages, sources, write_template


def main(arguments: list[str]) -> int:
    """Write the gettext template; exit code 2 when the call is wrong."""
    if len(arguments) != 1 or not arguments[0].endswith(".pot"):
        sys.stderr.write("usage: python -m cj_helpers.text TARGET.pot\n")
        return 2
    write_template(Path(arguments[0]), find_messages(sources()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
