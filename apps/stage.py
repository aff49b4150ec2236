"""Stages the Function apps as Azure runs them: `make package`.

Each folder below dist/apps/ is a whole app: its triggers, host.json, and under .python_packages
Tidegate with all that it imports, compiled. Nothing is built on Azure: its remote build takes no
note of the app's Python version, and has a minute. Standard library only.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("ingest", "detonate", "maps")
LOCKED = ROOT / "requirements" / "azure.txt"
PYTHON = "3.13"
PACKAGES = Path(".python_packages", "lib", "site-packages")
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
BORN = (
    1980,
    1,
    1,
    0,
    0,
    0,
)  # the time of each file in a zip, so that the same code is the same zip
EPOCH = "315532800"  # the same, as builders read it
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")


def main() -> None:
    """Stage all apps, zip them, and say what they weigh."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found = os.environ.get("WORKER_PYTHON") or shutil.which(f"python{PYTHON}")
    parser.add_argument("--python", default=found, help=f"a Python {PYTHON}, which compiles")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="by default dist/")
    options = parser.parse_args()
    if options.python is None:
        sys.exit(f"the apps are compiled by Python {PYTHON}: WORKER_PYTHON may name one")
    version = "import sys; sys.exit('{}.{}'.format(*sys.version_info) != sys.argv[1])"
    if subprocess.run([options.python, "-c", version, PYTHON], check=False).returncode:
        sys.exit(f"{options.python} is no Python {PYTHON}: the platform would not read its files")
    to = options.to.resolve()
    packages = third_parties(to / "packages")
    unpack(wheel(to / "wheel"), packages)
    compiled(packages, options.python)
    for name in NAMES:
        app = stage(name, packages, to / "apps" / name)
        compiled(app, options.python, "-l")
        print(said(app, zipped(app)))


def third_parties(to: Path) -> Path:
    """Install what requirements/azure.txt locks, for the machines of Azure, into a new folder."""
    shutil.rmtree(to, ignore_errors=True)
    platforms = [word for one in PLATFORMS for word in ("--platform", one)]
    only = ["--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON]
    # Locked for that Python; pip compares with the one that it runs on.
    locked = ["--require-hashes", "--no-deps", "--ignore-requires-python", "-r", LOCKED]
    run(*PIP, "install", "--no-compile", "--target", to, *platforms, *only, *locked)
    shutil.rmtree(to / "bin", ignore_errors=True)
    return to


def wheel(to: Path) -> Path:
    """Build the one wheel of Tidegate."""
    shutil.rmtree(to, ignore_errors=True)
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", to, ROOT)
    [built] = to.glob("tidegate-*.whl")
    return built


def unpack(archive: Path, to: Path) -> None:
    """Lay a wheel of pure Python among the packages."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(to)


def compiled(folder: Path, python: str, *options: str) -> None:
    """Compile the files of a folder, never to be checked against their sources again."""
    never = ("--invalidation-mode", "unchecked-hash")
    quietly = ("-q", "-f", "-s", str(folder))  # tracebacks name files as they lie in the app
    run(python, "-m", "compileall", *never, *quietly, *options, folder)


def stage(name: str, packages: Path, to: Path) -> Path:
    """Make the folder of an app from its own files and the packages, which all of them share."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(packages, to / PACKAGES, copy_function=os.link)
    for file in ("function_app.py", "host.json"):
        shutil.copyfile(ROOT / "apps" / name / file, to / file)
    # With a list of what to leave out, `azd` leaves out nothing of its own accord; without one, all
    # that is compiled.
    (to / ".funcignore").write_text("*_env/\n")
    return to


def zipped(app: Path) -> Path:
    """Put an app into one file, the same for the same content."""
    archive = app.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for file in sorted(one for one in app.rglob("*") if one.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(app).as_posix(), BORN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            opened.writestr(entry, file.read_bytes())
    return archive


def said(app: Path, archive: Path) -> str:
    """Return one line about a staged app."""
    unpacked = sum(one.stat().st_size for one in app.rglob("*") if one.is_file())
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    sizes = f"{unpacked / 1e6:.0f} MB, zipped {archive.stat().st_size / 1e6:.0f} MB"
    return f"{app.name}: {sizes}, sha256 {digest}"


def run(*command: object) -> None:
    """Run a command that must succeed; what it builds depends on no clock and no chance."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, "PYTHONHASHSEED": "0"}
    done = subprocess.run([str(one) for one in command], check=False, cwd=ROOT, env=environment)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
