"""docs/install.md, followed to the end in a root with the package installed; then it is taken away.

No systemd runs in that root: a stand-in starts what a unit says, as its user and with its credential. Whether
systemd itself does so is not tried here.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.package import TOOLS
from tests.docs.examples import Command, agrees, commands
from tests.docs.pages import DOCS
from tests.support import debian_package, throwaway_root
from tests.support.debian_package import ROOT

MARK = "<!-- installed -->"
PAGE = commands((DOCS / "install.md").read_text(encoding="utf-8"), MARK)
TYPED = {
    "qianzhi keys load zmk/01020000": (
        "00112233445566778899AABBCCDDEEFF\ny\nZhang\n89ABCDEF0123456701122334455667F0\ny\nZhao\ny\n"
    ),
    "qianzhi firewall apply": "keep\n",
}
"""What people type. Where there is no terminal, prompts for what is hidden come with a warning, so of such a
command only the last line is compared."""

PREPARED = r"""
mkdir /page /tools && tar -x -f /tools.tar -C /tools
rm -f /var/lib/man-db/auto-update
cat > /usr/local/bin/systemctl <<'END'
#!/bin/sh
case "$*" in
"reload postgresql") exec pg_ctlcluster "$(ls /etc/postgresql)" main reload ;;
"enable --now qianzhi-fep")
    /usr/bin/systemctl enable qianzhi-fep
    install -d -o qianzhi-fep -g qianzhi-fep -m 700 /run/qianzhi-fep /run/credentials
    install -o qianzhi-fep -m 400 /etc/qianzhi/credentials/master-key /run/credentials/master-key
    export CREDENTIALS_DIRECTORY=/run/credentials
    serve=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/qianzhi-fep.service)
    setsid setpriv --reuid qianzhi-fep --regid qianzhi-fep --clear-groups $serve > /log 2>&1 < /dev/null & ;;
"enable --now "*) exec /usr/bin/systemctl enable "$3" ;;
*) exec /usr/bin/systemctl "$@" ;;
esac
END
cat > /usr/local/bin/qianzhi-bank <<'END'
#!/bin/sh
PYTHONPATH=/tools PYTHONDONTWRITEBYTECODE=1 exec /usr/lib/qianzhi/bin/python -m simulators.cli "$@"
END
chmod 755 /usr/local/bin/systemctl /usr/local/bin/qianzhi-bank
export PATH=/usr/local/bin:$PATH
pg_ctlcluster "$(ls /etc/postgresql)" main start
cd /
set +e
"""
STEP = """
cat > /page/{number} <<'PAGE_END'
{text}
PAGE_END
printf '%s' '{typed}' > /page/{number}.typed
. /page/{number} > /page/{number}.printed 2>&1 < /page/{number}.typed
echo $? > /page/{number}.code
"""
TAKEN_AWAY = r"""
pkill -u qianzhi-fep
rm -r /run/qianzhi-fep  # as systemd does, whose RuntimeDirectory= it is
dpkg --purge qianzhi > /purged 2>&1
grep '^qianzhi: ' /purged
"""


class Step(NamedTuple):
    """What a command of the page gave."""

    command: Command
    code: int
    printed: str

    @property
    def is_as_on_the_page(self) -> bool:
        """Whether it ended well and printed what the page has."""
        printed, expected = self.printed, self.command.expected
        if self.command.text in TYPED and self.printed:
            printed = printed.splitlines()[-1].rpartition("]: ")[2]
            expected = expected[-1:]
        return self.code == 0 and agrees(expected, f"{printed}\n" if self.command.text in TYPED else printed)


def _lacking() -> str:
    if debian_package.lacking():
        return debian_package.lacking()
    programs = ("dpkg", "apt-get", "curl", "openssl", "nft", "runuser", "pg_ctlcluster", "pkill")
    if missing := throwaway_root.lacking(*programs):
        return missing
    clusters = Path("/etc/postgresql")
    is_there = clusters.is_dir() and any(clusters.glob("*/main"))
    return "" if is_there else "Debian's PostgreSQL has no cluster on this machine"


def left_in(written: Path, but: tuple[str, ...]) -> Iterator[str]:
    """What was written below the root, is still there and has the program's name, but for some beginnings."""
    for path in written.rglob("*qianzhi*"):
        place = f"/{path.relative_to(written)}"
        if not path.is_char_device() and not place.startswith(but):  # such a device hides what is below
            yield place


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.skipif(bool(_lacking()), reason=_lacking())
def test_the_page_leads_to_the_first_close_and_a_purge_leaves_what_it_says(
    package: Path, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "tools.tar", "w") as tools:
        tools.add(ROOT / TOOLS, TOOLS)
    script = PREPARED + "".join(
        STEP.format(number=number, text=command.text, typed=TYPED.get(command.text, ""))
        for number, command in enumerate(PAGE)
    )
    hidden = [folder for folder in (ROOT, Path("/root")) if folder.is_dir()]
    files = [package, tmp_path / "tools.tar"]
    done = throwaway_root.run(tmp_path, script + TAKEN_AWAY, files, hidden)
    written = tmp_path / "upper"
    steps = [
        Step(
            command,
            int((written / f"page/{number}.code").read_text()),
            (written / f"page/{number}.printed").read_text(encoding="utf-8"),
        )
        for number, command in enumerate(PAGE)
    ]
    failed = [step for step in steps if not step.is_as_on_the_page]
    assert failed == [], done.stderr
    folders = [
        "/etc/qianzhi",
        "/etc/qianzhi-office",
        "/var/lib/qianzhi-fep",
        "/srv/qianzhi-bankfiles",
        "/etc/systemd/system/qianzhi-fep.service.d",
    ]
    users = "the users qianzhi-fep, qianzhi-office and qianzhi-archive"
    named = f"qianzhi: left as they are: {', '.join(folders)}, {users}"
    assert named in done.stdout
    by_hand = ["qianzhi-backup.service", "qianzhi-backup.timer", "timers.target.wants/qianzhi-backup.timer"]
    ours = [f"/etc/systemd/system/{name}" for name in by_hand]
    ours += ["/etc/qianzhi/qianzhi.toml", "/var/backups/qianzhi", "/var/backups/qianzhi/first/qianzhi.toml"]
    assert sorted(left_in(written, (f"/{package.name}", "/usr/local/", "/tools/"))) == sorted(
        [*folders, *ours]
    )


def test_every_block_of_the_page_is_run() -> None:
    page = (DOCS / "install.md").read_text(encoding="utf-8")
    assert PAGE
    assert page.count("```console") == page.count(f"{MARK}\n```console\n")
