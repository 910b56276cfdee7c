"""Count the S-items of the requirements that tests carry (`make requirements`)."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent
TOTAL = 223
TAG = re.compile(r"^\s*# ((?:S\d+\s*)+)$", re.MULTILINE)


def proven() -> dict[int, list[str]]:
    """Return the test files that carry each item."""
    found: dict[int, list[str]] = {}
    for file in sorted(ROOT.rglob("test_*.py")):
        for tag in TAG.findall(file.read_text()):
            for item in tag.split():
                found.setdefault(int(item[1:]), []).append(str(file.relative_to(ROOT)))
    return found


def main() -> None:
    """Print how many items have a test, and which have none."""
    found = proven()
    missing = [f"S{n}" for n in range(1, TOTAL + 1) if n not in found]
    sys.stdout.write(f"{TOTAL - len(missing)} of {TOTAL} S-items are carried by tests\n")
    sys.stdout.write("without a test: " + " ".join(missing) + "\n")


if __name__ == "__main__":
    main()
