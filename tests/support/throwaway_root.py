"""A root to throw away: this machine's own, under an overlay in which nothing that is written outlives the
test.

What is in the folders to hide cannot be seen there. Processes, mounts and the network are the root's own,
with a loopback of its own, so ports are free and nothing is left running. Linux and root only; `lacking` says
why not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

_APART = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
_SETUP = """
set -e
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
ip link set lo up
folder=$1
shift
for hidden; do mount -t tmpfs none "$folder/root$hidden"; done
exec chroot "$folder/root" /bin/sh -eu /script
"""


def lacking(*programs: str) -> str:
    """Why there can be no such root here, or what programs are missing; empty if all is there."""
    if os.geteuid() != 0:
        return "not root: a package cannot be installed"
    missing = [name for name in ("unshare", "ip", "setpriv", *programs) if shutil.which(name) is None]
    if missing:
        return f"not on this machine: {', '.join(missing)}"
    tried = subprocess.run((*_APART, "true"), capture_output=True, text=True, check=False)
    return tried.stderr.strip()


def run(
    folder: Path, script: str, files: Iterable[Path] = (), hidden: Iterable[Path] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a shell script as root in the root, with `files` in its /; `folder` keeps what it wrote."""
    for name in ("upper", "work", "root"):
        (folder / name).mkdir()
    for file in files:
        shutil.copy(file, folder / "upper")
    (folder / "upper" / "script").write_text(script, encoding="utf-8")
    return subprocess.run(
        (*_APART, "sh", "-c", _SETUP, "sh", str(folder), *map(str, hidden)),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
    )
