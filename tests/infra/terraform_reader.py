"""Reads our Terraform files: HCL as `terraform fmt` writes it. Standard library."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
HEADER = re.compile(r'(\w+)((?: "[^"]*")*) \{(\})?')
ATTRIBUTE = re.compile(r"([\w-]+)\s+= (.+)")
Files = dict[str, str]


@dataclass
class Block:
    """A block of HCL; values are text, as they are written."""

    kind: str
    labels: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)

    def of(self, kind: str, *labels: str) -> list["Block"]:
        found = [one for one in self.blocks if one.kind == kind]
        return [one for one in found if one.labels[: len(labels)] == list(labels)]


def read(text: str) -> Block:
    """Read a file that `terraform fmt` has formatted. Raises ValueError at any other line."""
    lines = iter(_plain(text))
    return _block(Block("file"), lines)


def _plain(text: str) -> Iterator[str]:
    for line in text.splitlines():
        bare = re.sub(r'^((?:[^"#]|"(?:\\.|[^"\\])*")*)#.*', r"\1", line).strip()
        if bare:
            yield bare


def _block(into: Block, lines: Iterator[str]) -> Block:
    for line in lines:
        if line == "}":
            return into
        if header := HEADER.fullmatch(line):
            block = Block(header[1], re.findall(r'"([^"]*)"', header[2]))
            into.blocks.append(block if header[3] else _block(block, lines))
        elif attribute := ATTRIBUTE.fullmatch(line):
            into.values[attribute[1]] = _whole(attribute[2], lines)
        else:
            raise ValueError(f"not formatted: {line}")
    if into.kind != "file":
        raise ValueError(f"{into.kind} is not closed")
    return into


def _whole(value: str, lines: Iterator[str]) -> str:
    while _open(value):
        value += "\n" + next(lines)
    return value


def _open(value: str) -> bool:
    bare = re.sub(r'"[^"]*"', "", value)
    return sum(map(bare.count, "([{")) > sum(map(bare.count, ")]}"))


def files() -> Files:
    """All modules, by their folders; the root's is ''."""
    found = [*TERRAFORM.glob("*.tf"), *TERRAFORM.glob("modules/**/*.tf")]
    texts: Files = {}
    for path in sorted(found):
        folder = path.parent.relative_to(TERRAFORM).as_posix().removeprefix("modules/")
        name = "" if folder == "." else folder
        texts[name] = texts.get(name, "") + path.read_text(encoding="utf-8")
    return texts


def environment(name: str) -> dict[str, str]:
    text = (TERRAFORM / "environments" / f"{name}.tfvars").read_text(encoding="utf-8")
    return {key: value.strip('"') for key, value in read(text).values.items()}
