"""The Debian package: the same bytes each time, in order, and a machine that serves once it is installed."""

from __future__ import annotations

import ast
import configparser
import hashlib
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.main import cli
from deploy.package import FILES, HOME, TOOLS, PackageError, Version, machine_setup, version
from tests.support import throwaway_root
from tests.support.debian_package import lacking, make
from tests.support.python_sources import PACKAGES, imports, project_sources

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.timeout(1_800)  # pip takes minutes where other work has the cores


needs_dpkg = pytest.mark.skipif(bool(lacking()), reason=lacking())


def members(package: Path, folder: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """Each file and folder of the package, with its content."""
    archive = folder / "files.tar"
    with archive.open("wb") as written:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=written, check=True)
    with tarfile.open(archive) as files:
        for member in files:
            content = files.extractfile(member) if member.isfile() else None
            yield member, content.read() if content else b""


@needs_dpkg
def test_the_same_sources_give_the_same_bytes(package: Path, wheels: Path, tmp_path: Path) -> None:
    """In another folder, of a long name, by another umask, elsewhere on earth, in another order of Python's
    sets.
    """
    scratch = tmp_path / ("scratch" * 20)
    scratch.mkdir()
    elsewhere = {"TZ": "Asia/Shanghai", "PYTHONHASHSEED": "7", "TMPDIR": str(scratch)}
    again = make(tmp_path / "again", wheels, "077", **elsewhere)
    assert again.name == package.name
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(package.read_bytes()).digest()


@needs_dpkg
def test_it_holds_what_it_says_for_root_alone_to_change_and_no_trace_of_where_it_was_made(
    package: Path, tmp_path: Path
) -> None:
    found = dict[str, tarfile.TarInfo]()
    for member, content in members(package, tmp_path):
        found[member.name.removeprefix(".")] = member
        assert (str(ROOT).encode() in content, b"qianzhi-deb-" in content) == (False, False), member.name
    assert {(member.uid, member.gid) for member in found.values()} == {(0, 0)}
    modes = {(member.type, member.mode) for member in found.values() if not member.issym()}
    assert modes == {(tarfile.DIRTYPE, 0o755), (tarfile.REGTYPE, 0o644), (tarfile.REGTYPE, 0o755)}
    traces = ("__pycache__", ".pyc", "direct_url.json", "RECORD")
    assert [name for name in found if name.endswith(traces)] == []
    programs = {name for name, member in found.items() if member.isfile() and member.mode & 0o111}
    assert programs == {f"{HOME}/bin/qianzhi"}
    assert [name for name in found if TOOLS in name or "/textual" in name] == []
    for source, target in FILES:
        for path in ROOT.glob(source):
            assert f"/{target}{path.name if target.endswith('/') else ''}" in found, path
    ours = {name for name in found if name.startswith(f"{HOME}/lib/") and "/site-packages/ledger/" in name}
    assert {Path(name).name for name in ours} >= {"front.py", "roles.sql"}


@needs_dpkg
@pytest.mark.skipif(shutil.which("lintian") is None, reason="lintian is not on this machine")
def test_lintian_has_no_complaint_but_for_the_explained_ones(package: Path) -> None:
    command = ("lintian", "--allow-root", "--fail-on", "error,warning")
    done = subprocess.run((*command, str(package)), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


# Each line that the script prints is named, and compared below.
INSTALLED = r"""
cat > /usr/bin/as-front <<'END'
#!/bin/sh
exec setpriv --reuid qianzhi-fep --regid qianzhi-fep --clear-groups "$@"
END
chmod 755 /usr/bin/as-front
say() { name=$1; shift; echo "$name: $("$@" 2>&1 | tr '\n' '|')"; }

rm -f /var/lib/man-db/auto-update  # else every manual page of this root is read anew, a minute of it
dpkg --force-unsafe-io --install /*.deb > /installed 2>&1 || { cat /installed; exit 1; }
say compiled sh -c 'ls /usr/lib/qianzhi/lib/*/site-packages/fep/__pycache__ | grep -c "^service"'
say altered dpkg --verify qianzhi
say version qianzhi --version
say users sh -c 'getent passwd qianzhi-fep qianzhi-office qianzhi-archive | cut -d : -f 1,6,7'
say folders stat -c '%U:%G %a %n' /etc/qianzhi/credentials /srv/qianzhi-bankfiles /var/lib/qianzhi-office \
    /etc/qianzhi-archive/credentials /srv/qianzhi-documents
say units systemd-analyze verify --man=no qianzhi-fep.service qianzhi-office.service \
    qianzhi-office.timer qianzhi-archive.service qianzhi-archive.timer
say complete env COMP_WORDS="qianzhi day c" COMP_CWORD=2 _QIANZHI_COMPLETE=bash_complete qianzhi
libraries=$(find /usr/lib/qianzhi -name '*.so*' -type f -exec ldd {} + | grep -v 'vdso\|/usr/lib/qianzhi')
say missing sh -c "echo '$libraries' | grep 'not found' || true"
needed=$(echo "$libraries" | sed -n 's|.*=> \(/[^ ]*/\)*\([^ ]*\) (0x.*|*/\2|p' | sort -u)
say packages sh -c "dpkg --search $(echo $needed | sed 's/[^ ]*/"&"/g') | sed 's/:.*//' | sort -u"

home=/var/lib/qianzhi-fep
install -d -o qianzhi-fep -g qianzhi-fep -m 700 $home
cd $home
as-front qianzhi init here > /dev/null
sed -e "s|sqlite:///front.db|sqlite:///$home/front.db|" -e "s|\"keys/|\"$home/here/keys/|" \
    -e 's|file:keys/master.key|credential:master-key|' \
    -e 's|^\[keystore\]|control = "/run/qianzhi-fep/control.sock"\n&|' \
    here/qianzhi.toml > /etc/qianzhi/qianzhi.toml
install -d -o qianzhi-fep -g qianzhi-fep -m 700 /run/qianzhi-fep /run/credentials
install -o qianzhi-fep -m 400 here/keys/master.key /run/credentials/master-key
rm here/keys/master.key here/qianzhi.toml
export CREDENTIALS_DIRECTORY=/run/credentials
as-front qianzhi book sample 10 --output book.csv > /dev/null
as-front qianzhi book load book.csv --config /etc/qianzhi/qianzhi.toml > /dev/null
mkfifo log
as-front $(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/qianzhi-fep.service) > /dev/null 2> log &
serving=$!
exec 3< log
while read -r line <&3; do
    case $line in *"serving as"*) break ;; esac
done
# The bank is no part of the package: it comes from the sources, and needs nothing that is not there.
export PYTHONPATH=/tools PYTHONDONTWRITEBYTECODE=1
mkdir /tools && tar -x -f /tools.tar -C /tools
bank="/usr/lib/qianzhi/bin/python -m simulators.cli --config /etc/qianzhi/qianzhi.toml"
say ready curl --silent --show-error http://127.0.0.1:8580/readyz
as-front $bank --bank 01020000 echo > said
say echo sh -c "grep -o 'Response code.*' said | grep -o '[0-9]*'"
cat <&3 > /dev/null &
kill -TERM $serving
ended=0
wait $serving || ended=$?
echo "ended: $ended"

dpkg --force-unsafe-io --remove qianzhi > /removed 2>&1 || { cat /removed; exit 1; }
say left sh -c 'ls -d /usr/lib/qianzhi /usr/bin/qianzhi 2> /dev/null || true'
dpkg --purge qianzhi > /purged 2>&1
say kept ls $home
say settings ls /etc/qianzhi
"""


@needs_dpkg
@pytest.mark.skipif(
    bool(throwaway_root.lacking("dpkg", "ldd", "curl")), reason=throwaway_root.lacking("dpkg", "ldd", "curl")
)
def test_installed_it_serves_and_removed_it_leaves_the_book(package: Path, tmp_path: Path) -> None:
    hidden = [folder for folder in (ROOT, Path("/root")) if folder.is_dir()]
    with tarfile.open(tmp_path / "tools.tar", "w") as tools:
        tools.add(ROOT / TOOLS, TOOLS)
    done = throwaway_root.run(tmp_path, INSTALLED, [package, tmp_path / "tools.tar"], hidden)
    assert done.returncode == 0, done.stdout + done.stderr
    by_name = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    what = version((ROOT / "deploy/deb/changelog").read_text(encoding="utf-8"))
    assert by_name == {
        "altered": "",
        "version": f"qianzhi, version {what.number}|",
        "users": "|".join(
            f"qianzhi-{system}:/var/lib/qianzhi-{system}:/usr/sbin/nologin"
            for system in ("fep", "office", "archive")
        )
        + "|",
        "folders": "root:root 700 /etc/qianzhi/credentials|root:qianzhi-office 750 /srv/qianzhi-bankfiles|"
        "qianzhi-office:qianzhi-office 750 /var/lib/qianzhi-office|"
        "root:root 700 /etc/qianzhi-archive/credentials|root:qianzhi-archive 750 /srv/qianzhi-documents|",
        "units": "",
        "compiled": "1|",
        "complete": "plain,cutover|",
        "missing": "",
        "packages": "libc6|libgcc-s1|libstdc++6|zlib1g|",
        "ready": "ok|",
        "echo": "00|",
        "ended": "0",
        "left": "",
        "kept": "book.csv|front.db|front.db.lock|here|log|said|",
        "settings": "qianzhi.toml|",
    }


def test_the_machine_is_set_up_without_simulators() -> None:
    setup = configparser.ConfigParser()
    setup.read_string(machine_setup((ROOT / "setup.cfg").read_text(encoding="utf-8")))
    packages = setup["options.packages.find"]["include"].split()
    assert {name.partition(".")[0] for name in packages} == set(PACKAGES) - {TOOLS}
    assert setup["options.entry_points"]["console_scripts"].split("\n") == ["", "qianzhi = console.main:main"]


def test_what_is_installed_of_the_simulators_needs_none_of_what_is_not() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    installed = {name for name in setup["options.packages.find"]["include"].split() if name.startswith(TOOLS)}
    kept_back = {f"{TOOLS}.{name}" for name in ("world", "cluster", "days", "channel")}
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / TOOLS).rglob("*.py")}
    packages = {".".join(folder.parts) for folder in folders}
    assert {name for name in packages if name not in kept_back} == installed
    used = {
        (path, name)
        for path, source in project_sources().items()
        if ".".join(Path(path).parent.parts) in installed
        for _, name, _ in imports(ast.parse(source))
    }
    assert len(used) > len(installed)
    assert [(path, name) for path, name in used if name.startswith(tuple(kept_back))] == []


def test_the_version_is_that_of_the_setup() -> None:
    what = version((ROOT / "deploy/deb/changelog").read_text(encoding="utf-8"))
    assert f"\nversion = {what.number}\n" in (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert CliRunner().invoke(cli, ["--version"]).output.split()[-1] == what.number


def test_version_and_date_are_those_of_the_newest_entry() -> None:
    text = (
        "qianzhi (1.2~rc1) x; urgency=low\n\n  * A.\n\n -- B <b@c>  Wed, 25 Nov 2026 12:00:00 +0800\n\n"
        "qianzhi (1.1) x; urgency=low\n\n  * A.\n\n -- B <b@c>  Tue, 24 Nov 2026 12:00:00 +0800\n"
    )
    assert version(text) == Version("1.2~rc1", datetime(2026, 11, 25, 4, tzinfo=UTC))


SIGNED = "\n\n -- B <b@c>  Wed, 25 Nov 2026 12:00:00 +0800\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "qianzhi (1.2) x; urgency=low\n",
        f"other (1.2) x; urgency=low{SIGNED}",
        f"other (1.2) x; urgency=low\n\n  * qianzhi (1.2) is needed.{SIGNED}",
        f"qianzhi () x; urgency=low{SIGNED}",
    ],
)
def test_a_changelog_without_version_or_date_is_refused(text: str) -> None:
    with pytest.raises(PackageError, match="has no version or no date"):
        version(text)
