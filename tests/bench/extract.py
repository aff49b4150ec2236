"""How fast indicators are found in prose: `python tests/bench/extract.py [--megabytes N]`."""

import argparse
import random
import re
import time

from tidegate.extract import extract

PROSE = "the loader then connects to its server and waits for a command, which it runs at once"
WORDS = PROSE.split()
DOT = r"(?:\.|\[\.\]|\(\.\)|\[dot\])"
# One pattern for everything, as one would write it first.
ONE = re.compile(
    rf"(?i)(?:h(?:tt|xx)ps?(?:\[:\]|:)//[^\s<>\"']+|\b[0-9a-f]{{64}}\b|\b[0-9a-f]{{40}}\b"
    rf"|\b[0-9a-f]{{32}}\b|\bCVE-\d{{4}}-\d{{4,}}\b|[a-z0-9._%+-]+(?:@|\[at\])(?:[a-z0-9-]+{DOT})+[a-z]+"
    rf"|\b\d{{1,3}}(?:{DOT}\d{{1,3}}){{3}}\b|\b(?:[a-z0-9_-]+{DOT})+[a-z]{{2,24}}\b)"
)
HOSTILE = ("a.", ":", "a@", "ab.cd%", "http://", "[", "0123456789abcdef")


def indicator(dice: random.Random) -> str:
    number = dice.randrange(10**9)
    return dice.choice(
        [
            f"hxxps://h{number}[.]evil[.]example/a?id={number}",
            f"198.51.100[.]{number % 256}:8080",
            f"c{number}.evil.example",
            f"user{number}@evil.example",
            f"{number:064x}",
            f"CVE-2099-{number}",
        ]
    )


def report(size: int, share: float) -> str:
    """Return prose; `share` of its words are indicators."""
    dice = random.Random(20)  # noqa: S311 - the same text every time
    lines, length = [], 0
    while length < size:
        words = (
            indicator(dice) if dice.random() < share else dice.choice(WORDS) for _ in range(12)
        )
        lines.append(" ".join(words) + ".")
        length += len(lines[-1]) + 1
    return "\n".join(lines)


def speed(text: str) -> tuple[float, int]:
    start = time.perf_counter()
    found = len(extract(text))
    return len(text.encode()) / 1e6 / (time.perf_counter() - start), found


def plain_speed(text: str) -> float:
    start = time.perf_counter()
    set(ONE.findall(text))
    return len(text) / 1e6 / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=10)
    size = parser.parse_args().megabytes * 1_000_000
    extract("warm up http://evil.example/")
    for name, share in {"a report": 0.01, "a list": 0.5}.items():
        text = report(size, share)
        ours, found = speed(text)
        plain = plain_speed(text)
        print(f"{name}: {ours:.1f} MB/s, {found:,} found; one pattern of re: {plain:.1f} MB/s")
    for unit in HOSTILE:
        sizes = (size // 10, size)
        slow, fast = (speed(unit * (one // len(unit)))[0] for one in sizes)
        print(f"hostile {unit!r}: {slow:.1f} MB/s at a tenth, {fast:.1f} MB/s at the whole")


if __name__ == "__main__":
    main()
