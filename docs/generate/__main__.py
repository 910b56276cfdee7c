"""`python -m docs.generate`: write the pages and schemas that are made from code."""

import sys

from docs.generate.pages import DOCS, pages


def main() -> None:
    """Write what has changed."""
    for name, text in pages().items():
        file = DOCS / name
        if not file.exists() or file.read_text("utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
            sys.stdout.write(f"{file.relative_to(DOCS.parent)}\n")


if __name__ == "__main__":
    main()
