"""Checks our Bicep files: `python tests/infra/check_bicep.py`. Standard library, no compiler.

What it sees: strings and brackets; names that nothing declares, or nothing uses; modules that are
not there or of another version; parameters and outputs that a module has not, or needs; bodies of
resources; deployments of one name in one group. Types, values and what Azure says of them are the
compiler's business.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from bicep_reader import Declared, File, Token, Unreadable, entries, read, walk
from bicep_registry import BODIES, REGISTRY

ROOT = Path(__file__).resolve().parents[2] / "bicep"
PUBLIC = "br/public:avm/res/"
# What the language itself has, as far as we use it.
LANGUAGE = set(
    """
    allowed description export maxLength maxValue minLength minValue
    array bool existing false for from if in int null object string true
    batchSize cidrSubnet concat contains empty fail filter flatten guid items join last length
    loadJsonContent loadTextContent
    map objectKeys range readEnvironmentVariable replace resourceGroup resourceId split subscription
    subscriptionResourceId toObject union
    """.split()  # noqa: SIM905 - a list of words
)


def sources(root: Path = ROOT) -> dict[str, str]:
    """Return all files below the folder, by their path in it."""
    found = [*root.rglob("*.bicep"), *root.rglob("*.bicepparam")]
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in sorted(found)}


def check(texts: Mapping[str, str]) -> list[str]:
    """Return what is wrong with the files, each with its place."""
    files: dict[str, File] = {}
    wrong: list[str] = []
    for path, text in texts.items():
        try:
            files[path] = read(text)
        except Unreadable as error:
            wrong.append(f"{path}:{error}")
    for path, file in files.items():
        wrong += [f"{path}:{line}: {said}" for line, said in _of(path, file, files)]
    return sorted([*wrong, *_same_deployments(files)])


def _of(path: str, file: File, files: Mapping[str, File]) -> Iterator[tuple[int, str]]:
    yield from _spread(file)
    yield from _unused(path, file)
    if path.endswith(".bicepparam"):
        yield from _filled_in(path, file, files)
        return
    yield from _undeclared(file)
    for module in file.of("module").values():
        yield from _module(path, module, file, files)
    for resource in file.of("resource").values():
        yield from _resource(resource)


def _spread(file: File) -> Iterator[tuple[int, str]]:
    for one in walk(file.tokens):
        if one.text == "..." and one.kind == "sign":
            yield one.line, "spread: use union()"


def _unused(path: str, file: File) -> Iterator[tuple[int, str]]:
    if path.endswith(".bicepparam"):
        return
    for keyword in ("param", "var"):
        for name, one in file.of(keyword).items():
            if name not in file.used:
                yield one.line, f"{keyword} {name} is not used"


def _undeclared(file: File) -> Iterator[tuple[int, str]]:
    known = LANGUAGE | {one.name for one in file.declared} | _locals(file)
    nothing = Token("line", "\n", 0)
    spoken = [nothing, *(one for one in walk(file.tokens) if one.kind != "line"), nothing]
    for before, one, after in zip(spoken, spoken[1:], spoken[2:], strict=False):
        key = after.text == ":" and before.text != "?"  # the middle of a ternary is none
        member = before.text in {".", ".?", "output"}
        if one.kind == "name" and not key and not member and one.text not in known:
            yield one.line, f"nothing declares {one.text}"


def _locals(file: File) -> set[str]:
    """Names that a lambda, a loop, a function or an import brings, and the keywords."""
    found = {
        "param",
        "var",
        "module",
        "resource",
        "output",
        "import",
        "func",
        "type",
        "targetScope",
    }
    spoken = [one for one in walk(file.tokens) if one.kind != "line"]
    for at, one in enumerate(spoken):
        after = spoken[at + 1].text if at + 1 < len(spoken) else ""
        if one.kind == "name" and after == "=>":
            found.add(one.text)
        if one.text == "for":
            found |= {each.text for each in spoken[at + 1 : at + 6] if each.kind == "name"}
    for one in file.declared:
        if one.keyword in {"import", "func"}:
            found |= {each.text for each in one.rest if each.kind == "name"}
    return found


def _module(
    path: str, module: Declared, file: File, files: Mapping[str, File]
) -> Iterator[tuple[int, str]]:
    ends = _ends(path, module.source, files)
    if isinstance(ends, str):
        yield module.line, ends
        return
    required, optional, outputs = ends
    given = set(module.given)
    for name in sorted(required - given):
        yield module.line, f"{module.name} is not given {name}"
    for name in sorted(given - required - optional):
        yield module.line, f"{module.name} has no parameter {name}"
    for line, name in _asked(file, module.name):
        if name not in outputs:
            yield line, f"{module.name} has no output {name}"


def _resource(resource: Declared) -> Iterator[tuple[int, str]]:
    known = BODIES.get(resource.source)
    if known is None:
        yield resource.line, f"{resource.source} is no resource that we know"
        return
    given, properties = set(resource.body), set(entries(resource.body.get("properties", ())))
    for name in sorted(known.needed - given):
        yield resource.line, f"{resource.name} has no {name}"
    for name in sorted(given - known.needed - known.other):
        yield resource.line, f"{resource.name} cannot have {name}"
    if "properties" in known.needed:
        for name in sorted(known.properties ^ properties):
            yield resource.line, f"{resource.name} has, or has not, the property {name}"


def _ends(
    path: str, source: str, files: Mapping[str, File]
) -> tuple[set[str], set[str], set[str]] | str:
    if source.startswith(PUBLIC):
        name, _, version = source.removeprefix(PUBLIC).partition(":")
        known = REGISTRY.get(name)
        if known is None:
            return f"{name} is no module that we know"
        if known.version != version:
            return f"{name} is used at {known.version}, not {version}"
        return set(known.required), set(known.optional), set(known.outputs)
    there = _beside(path, source)
    if there not in files:
        return f"there is no {there}"
    params = files[there].of("param")
    required = {name for name, one in params.items() if one.required}
    return required, set(params) - required, set(files[there].of("output"))


def _beside(path: str, source: str) -> str:
    parts: list[str] = list(PurePosixPath(path).parent.parts)
    for part in PurePosixPath(source).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def _asked(file: File, module: str) -> Iterator[tuple[int, str]]:
    """Yield each output of the module that the file asks for: `m.outputs.x`, `m[i].outputs.x`."""
    spoken = [one for one in walk(file.tokens) if one.kind != "line"]
    for at, one in enumerate(spoken):
        if one.text != module or one.kind != "name" or spoken[at - 1].text == ".":
            continue
        rest = spoken[at + 1 :]
        if rest and rest[0].text == "[":
            rest = rest[next(i for i, each in enumerate(rest) if each.text == "]") + 1 :]
        if [each.text for each in rest[:3]][:2] == [".", "outputs"]:
            yield one.line, rest[3].text


def _filled_in(path: str, file: File, files: Mapping[str, File]) -> Iterator[tuple[int, str]]:
    using = next((one for one in file.declared if one.keyword == "using"), None)
    there = _beside(path, using.source) if using else ""
    if there not in files:
        yield 1, f"there is no {there or 'file that it is for'}"
        return
    params, given = files[there].of("param"), file.of("param")
    for name in sorted(name for name, one in params.items() if one.required and name not in given):
        yield 1, f"{name} is not given"
    for name in sorted(given.keys() - params.keys()):
        yield given[name].line, f"{there} has no parameter {name}"


def _same_deployments(files: Mapping[str, File]) -> Iterator[str]:
    """Deployments in one group need names of their own, those of modules within modules, too."""
    labels = [
        (path, one.label)
        for path, file in files.items()
        for one in file.of("module").values()
        if path.endswith(".bicep")
    ]
    twice = {label for label, n in Counter(label for _, label in labels).items() if n > 1}
    for path, label in labels:
        if label in twice:
            yield f"{path}:1: another deployment is called {label}"


if __name__ == "__main__":
    sys.exit("\n".join(check(sources())) or None)
