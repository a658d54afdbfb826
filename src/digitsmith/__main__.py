"""`python -m digitsmith` and the `digitsmith` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a user's error is one line on stderr and the error's own exit code."""
    from digitsmith.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
