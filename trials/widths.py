"""`python trials/widths.py [2000]`: so many random reports of every kind, each line of their tables measured.

What test_widths.py does with a few. It says of each kind how many lines there were, the widest of them, and those that
are wider than a phone; it ends with 1 when there are any.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import test_widths as widths
from test_account_reports import lines_in_tables

from render.figures import display_width

MAX_SHOWN = 3  # lines of a kind


def main(arguments: list[str]) -> int:
    if len(arguments) > 1 or not all(each.isdecimal() for each in arguments):
        print(__doc__)
        return 2
    n, seed = int(arguments[0]) if arguments else 2000, random.randrange(1 << 30)
    n_lines, widest = Counter[str](), Counter[str]()
    wide: dict[str, list[str]] = {}
    for i in range(n):
        for kind, answer in widths.all_answers(seed + i).items():
            lines = lines_in_tables(answer.text)
            n_lines[kind] += len(lines)
            widest[kind] = max([widest[kind], *map(display_width, lines)])
            wide.setdefault(kind, []).extend(widths.too_wide(answer))
    for kind in sorted(n_lines):
        print(f"{kind:16} {n} reports  {n_lines[kind]:7} lines  widest {widest[kind]:2}  too wide {len(wide[kind])}")
        for line in wide[kind][:MAX_SHOWN]:
            print(f"    {line!r}")
    print(
        f"seed {seed}: {sum(n_lines.values())} lines of {len(n_lines)} kinds, {sum(map(len, wide.values()))} too wide"
    )
    return 1 if any(wide.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
