"""``python -m cj_helpers`` is ``cj``."""

import sys

from cj_helpers.cli import main

if __name__ == "__main__":
    sys.exit(main())
