"""`python -m deploy.package OUTPUT`: the Debian package of the program and all that it needs of Python.

What is pinned, with its digests, goes into an environment of its own under /usr/lib/qianzhi; then come the
units, the manual, the documentation. The same sources and pins give the same bytes, wherever and whenever it
is made. How the program is set up on a machine is no part of it: docs/hardening.md.
"""

from __future__ import annotations

import argparse
import configparser
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final, NamedTuple

from click.shell_completion import BashComplete

from console.main import cli
from deploy.manual import manual
from deploy.settings_sample import (
    archive_sample,
    collection_sample,
    customers_sample,
    front_sample,
    office_sample,
)

ROOT: Final = Path(__file__).resolve().parent.parent
RECIPE: Final = ROOT / "deploy" / "deb"
PINS: Final = ROOT / "requirements" / "run.txt"
HOME: Final = "/usr/lib/qianzhi"
"""Where the environment is on the machine."""
DOCUMENTS: Final = "usr/share/doc/qianzhi"
PYTHON: Final = "/usr/bin/python3"
"""The system's: the package needs the same minor version on the machine where it is installed."""
TOOLS: Final = "simulators"
"""Banks to test against, a proxy that breaks links, a load generator: not for a machine with money."""

_LAUNCH: Final = re.compile(r"\A#!.*\n(?:'''exec' .*\n' '''\n)?")
"""How a script that pip wrote begins: by its interpreter's path, or by a shell where that path is long."""

# From the sources -> into the package. A folder's name ends in /.
FILES: Final = (
    ("deploy/qianzhi-fep.service", "usr/lib/systemd/system/"),
    ("deploy/qianzhi-office.service", "usr/lib/systemd/system/"),
    ("deploy/qianzhi-office.timer", "usr/lib/systemd/system/"),
    ("deploy/qianzhi-archive.service", "usr/lib/systemd/system/"),
    ("deploy/qianzhi-archive.timer", "usr/lib/systemd/system/"),
    ("deploy/sysusers.conf", "usr/lib/sysusers.d/qianzhi.conf"),
    ("deploy/tmpfiles.conf", "usr/lib/tmpfiles.d/qianzhi.conf"),
    ("README.md", f"{DOCUMENTS}/"),
    ("CHANGELOG.md", f"{DOCUMENTS}/NEWS.md"),
    ("docs/*.md", f"{DOCUMENTS}/docs/"),
    ("docs/decisions/*.md", f"{DOCUMENTS}/docs/decisions/"),
    ("ledger/book/roles.sql", f"{DOCUMENTS}/examples/front-roles.sql"),
    ("office/database/roles.sql", f"{DOCUMENTS}/examples/office-roles.sql"),
    ("customers/database/roles.sql", f"{DOCUMENTS}/examples/customers-roles.sql"),
    ("collection/database/roles.sql", f"{DOCUMENTS}/examples/collection-roles.sql"),
    ("archive/catalogue/roles.sql", f"{DOCUMENTS}/examples/archive-roles.sql"),
    ("deploy/journald.conf.d/qianzhi.conf", f"{DOCUMENTS}/examples/journald.conf.d/"),
    ("deploy/prometheus/*.yml", f"{DOCUMENTS}/examples/prometheus/"),
    ("deploy/grafana/qianzhi.json", f"{DOCUMENTS}/examples/grafana/"),
    ("deploy/deb/lintian-overrides", "usr/share/lintian/overrides/qianzhi"),
)
MANUAL_FILES: Final = {
    "/etc/qianzhi/qianzhi.toml": "Settings of the front-end machine.",
    "/etc/qianzhi/credentials/master-key": "What opens its keystore; for root alone.",
    "/var/lib/qianzhi-fep": "Its keystore, and its book unless that is in PostgreSQL.",
    "/etc/qianzhi-office/office.toml": "Settings of the back office.",
    "/etc/qianzhi-customers/customers.toml": "Settings of the customers.",
    "/etc/qianzhi-collection/collection.toml": "Settings of collection by bank and card.",
    "/etc/qianzhi-archive/archive.toml": "Settings of the archive.",
    f"/{DOCUMENTS}/examples": "Samples of these settings files, with every setting.",
    f"/{DOCUMENTS}/docs/install.md": "How a machine is set up.",
}


class Version(NamedTuple):
    """The package's version number, and the date of its changelog entry."""

    number: str
    day: datetime


class PackageError(Exception):
    """The package cannot be made; the text says why."""


def version(changelog: str) -> Version:
    """Version and date of the newest entry of a Debian changelog (deb-changelog(5)). Raises PackageError."""
    number = re.match(r"qianzhi \(([0-9][0-9a-z.+~-]*)\) ", changelog)
    signed = re.search(r"^ -- .+>  (.+)$", changelog, re.MULTILINE)
    if number is None or signed is None:
        raise PackageError("deploy/deb/changelog: its newest entry has no version or no date")
    return Version(number[1], parsedate_to_datetime(signed[1]).astimezone(UTC))


def make(output: Path, wheels: Path, python: str = PYTHON) -> Path:
    """Make the package in the folder `output`; its path. `wheels` keeps downloaded wheels for the next time.
    Raises PackageError.
    """
    newest = version((RECIPE / "changelog").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="qianzhi-deb-") as scratch:
        stage = Path(scratch) / "stage"
        home = stage / HOME.lstrip("/")
        run(python, "-m", "venv", "--without-pip", str(home))
        fetch(home, wheels)
        install(home, wheels, Path(scratch))
        tidy(home, python)
        lay_out(stage, newest)
        (stage / "DEBIAN").mkdir()
        for script in ("postinst", "prerm", "postrm"):
            shutil.copy(RECIPE / script, stage / "DEBIAN")
        (stage / "DEBIAN" / "md5sums").write_text("".join(md5sums(stage)), encoding="utf-8")
        control = (RECIPE / "control").read_text(encoding="utf-8")
        (stage / "DEBIAN" / "control").write_text(
            control.format(
                version=newest.number,
                architecture=run("dpkg", "--print-architecture").strip(),
                kib=sum(1 + path.lstat().st_size // 1024 for path in stage.rglob("*")),
                python=interpreter(home),
                glibc=glibc(home),
            ),
            encoding="utf-8",
        )
        set_modes(stage)
        output.mkdir(parents=True, exist_ok=True)
        epoch = {"SOURCE_DATE_EPOCH": str(int(newest.day.timestamp()))}
        # Debian reads zstd since 12; it takes a fiftieth of xz's time for a fifth more. One thread: how the
        # blocks are cut goes by their number.
        options = ("--root-owner-group", "--threads-max=1", "-Zzstd")
        output_of_dpkg = run("dpkg-deb", *options, "--build", str(stage), str(output), **epoch)
    package = re.search(r"'([^']+\.deb)'", output_of_dpkg)
    if package is None:
        raise PackageError(f"dpkg-deb does not say what it made: {output_of_dpkg}")
    return Path(package[1])


def fetch(home: Path, wheels: Path) -> None:
    """Download the pinned wheels that are not in `wheels` yet. Every file's digest is checked. Raises
    PackageError.
    """
    pip(home, "download", "--require-hashes", "--only-binary", ":all:", "-r", str(PINS), "-d", str(wheels))


def install(home: Path, wheels: Path, scratch: Path) -> None:
    """Install the pinned wheels and then the program, built from a copy of the sources, since a checkout may
    hold what an earlier build left. Raises PackageError.
    """
    offline = ("install", "--no-index", "--no-compile", "--find-links", str(wheels))
    pip(home, *offline, "--require-hashes", "-r", str(PINS))
    text = machine_setup((ROOT / "setup.cfg").read_text(encoding="utf-8"))
    setup = configparser.ConfigParser()
    setup.read_string(text)
    packages = [name for name in setup["options.packages.find"]["include"].split() if "." not in name]
    copy, ours = scratch / "sources", scratch / "ours"
    copy.mkdir()
    for name in packages:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "setup.cfg").write_text(text, encoding="utf-8")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    # By the interpreter that makes the package, which has setuptools.
    run(*PIP, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", str(ours), str(copy))
    pip(home, *offline, "--find-links", str(ours), "--no-deps", "qianzhi")


def machine_setup(text: str) -> str:
    """`text` of setup.cfg without the lines that name simulators: no module and no command of theirs."""
    return "".join(line for line in text.splitlines(keepends=True) if TOOLS not in line)


def tidy(home: Path, python: str) -> None:
    """Remove from the environment everything that a machine does not need, or that says where or when it was
    made.
    """
    for path in sorted(home.glob("bin/*")):
        if path.name.startswith("qianzhi"):
            text = path.read_text(encoding="utf-8")
            path.write_text(f"#!{HOME}/bin/python\n" + _LAUNCH.sub("", text), encoding="utf-8")
        else:
            path.unlink()
    (home / "bin" / "python").symlink_to(f"../../../bin/{Path(python).resolve().name}")
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    # pip's notes: paths of this machine, digests of scripts as they were. Debian's packages lack them too.
    for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
        for note in home.glob(f"lib/*/site-packages/*.dist-info/{name}"):
            note.unlink()
    shutil.rmtree(home / "include", ignore_errors=True)
    (home / "lib64").unlink(missing_ok=True)


def lay_out(stage: Path, newest: Version) -> None:
    """Copy everything but the environment into its place. Raises PackageError where a source is missing."""
    for source, target in FILES:
        sources = sorted(ROOT.glob(source))
        if not sources:
            raise PackageError(f"{source}: there is no such file to put into the package")
        for path in sources:
            copy = stage / target / path.name if target.endswith("/") else stage / target
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    program = stage / "usr/bin/qianzhi"
    program.parent.mkdir(parents=True)
    program.symlink_to(f"../{HOME.removeprefix('/usr/')}/bin/qianzhi")
    home = stage / HOME.lstrip("/")
    page = manual(cli, "qianzhi", newest.number, newest.day, MANUAL_FILES)
    completion = BashComplete(cli, {}, "qianzhi", "_QIANZHI_COMPLETE").source()
    for place, content in (
        ("usr/share/man/man1/qianzhi.1.gz", packed(page.encode())),
        (f"{DOCUMENTS}/changelog.gz", packed((RECIPE / "changelog").read_bytes())),
        (f"{DOCUMENTS}/copyright", "".join(copyright_lines(home)).encode()),
        ("usr/share/bash-completion/completions/qianzhi", completion.encode()),
        (f"{DOCUMENTS}/examples/qianzhi.toml", front_sample().encode()),
        (f"{DOCUMENTS}/examples/office.toml", office_sample().encode()),
        (f"{DOCUMENTS}/examples/customers.toml", customers_sample().encode()),
        (f"{DOCUMENTS}/examples/collection.toml", collection_sample().encode()),
        (f"{DOCUMENTS}/examples/archive.toml", archive_sample().encode()),
    ):
        (stage / place).parent.mkdir(parents=True, exist_ok=True)
        (stage / place).write_bytes(content)


def copyright_lines(home: Path) -> Iterator[str]:
    """The copyright file: each installed package with its version and licence, from its own metadata."""
    yield (RECIPE / "copyright").read_text(encoding="utf-8")
    for package in sorted(_installed(home), key=lambda package: package.metadata["Name"].lower()):
        if package.metadata["Name"] != "qianzhi":
            yield f"\n{package.metadata['Name']} {package.version}: {licence(package)}"
    yield "\n"


def licence(package: Distribution) -> str:
    """A package's licence in a few words: its expression, its classifier, or its own line."""
    data = package.metadata
    classified = [line for line in data.get_all("Classifier") or () if line.startswith("License ::")]
    expression = data.get("License-Expression") or (classified and classified[0].rpartition(" :: ")[2])
    return expression or (data.get("License") or "see its own files").partition("\n")[0]


def glibc(home: Path) -> str:
    """The least version of the C library that the wheels need: the highest that a wheel's tag names (PEP
    600).
    """
    tags = [tag for package in _installed(home) for tag in (package.read_text("WHEEL") or "").split("\n")]
    versions = [re.search(r"-manylinux_([0-9]+)_([0-9]+)_", tag) for tag in tags]
    return "{}.{}".format(*max((int(version[1]), int(version[2])) for version in versions if version))


def interpreter(home: Path) -> str:
    """The name of the system's interpreter for the environment, such as python3.11; its Debian package has
    that name.
    """
    return (home / "bin" / "python").readlink().name


def md5sums(stage: Path) -> Iterator[str]:
    """The lines of deb-md5sums(5), by path."""
    for path in sorted(stage.rglob("*")):
        if path.is_file() and not path.is_symlink() and stage / "DEBIAN" not in path.parents:
            digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            yield f"{digest}  {path.relative_to(stage)}\n"


def set_modes(stage: Path) -> None:
    """Set the modes whatever the umask was: all may read; only programs and folders are executable."""
    stage.chmod(0o755)
    scripts = (stage / "DEBIAN", stage / HOME.lstrip("/") / "bin")
    for path in stage.rglob("*"):
        if not path.is_symlink():
            runs = path.is_dir() or (path.parent in scripts and path.read_bytes()[:2] == b"#!")
            path.chmod(0o755 if runs else 0o644)


def packed(content: bytes) -> bytes:
    """Gzip without a date or a name."""
    return gzip.compress(content, 9, mtime=0)


PIP: Final = (sys.executable, "-m", "pip", "-qq", "--no-input", "--disable-pip-version-check")


def pip(home: Path, *arguments: str) -> None:
    """Our pip, working on the environment. Raises PackageError."""
    run(PIP[0], *PIP[1:3], "--python", str(home / "bin" / "python"), *PIP[3:], *arguments)


def run(*command: str, **environment: str) -> str:
    """A program's standard output. Raises PackageError with its standard error where it fails.

    A Python among them writes no bytecode: it would have the date of this making in it.
    """
    fixed = {"LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"}
    completed = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **fixed, **environment}
    )
    if completed.returncode:
        raise PackageError(f"{' '.join(command)}: exit code {completed.returncode}\n{completed.stderr}")
    return completed.stdout


def _site(home: Path) -> Path:
    return next(home.glob("lib/*/site-packages"))


def _installed(home: Path) -> list[Distribution]:
    return list(distributions(path=[str(_site(home))]))


def main() -> None:
    """Make the package and say where it is."""
    parser = argparse.ArgumentParser(prog="python -m deploy.package")
    parser.add_argument("output", type=Path)
    parser.add_argument("--python", default=PYTHON, help="the system's interpreter")
    given = parser.parse_args()
    if shutil.which("dpkg-deb") is None:
        sys.exit("make deb: dpkg-deb is not on this machine: it makes packages on Debian and its like")
    try:
        print(make(given.output, given.output / "wheels", given.python))
    except PackageError as error:
        sys.exit(f"make deb: {error}")


if __name__ == "__main__":
    main()
