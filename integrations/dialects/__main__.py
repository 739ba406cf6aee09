"""Print every question as statements for another database, in an order in which they can be run."""

import sys

from integrations.dialects.translate import DIALECTS, questions, statement


def main() -> int:
    """Translate for the dialect that is named."""
    if sys.argv[1:] not in [[name] for name in DIALECTS]:
        sys.stderr.write(f"name one of {', '.join(DIALECTS)}\n")
        return 2
    for question in questions():
        sys.stdout.write(f"{statement(question, sys.argv[1])};\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
