"""A SoftHSM token for tests: one for each test process, in a folder of its own, where SoftHSM is installed.

`pip` cannot bring it: on Debian it is `apt-get install softhsm2`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

LABEL, PIN = "qianzhi-test", "4711081512"
_PLACES = ("/usr/lib/softhsm", "/usr/lib64/pkcs11", "/usr/lib64/softhsm", "/usr/local/lib/softhsm")
MODULE = next(
    (str(path) for place in _PLACES if (path := Path(place, "libsofthsm2.so")).exists()), "libsofthsm2.so"
)


def missing() -> str:
    """Why a test with a token cannot run here; empty if it can."""
    if shutil.which("softhsm2-util") is None or not Path(MODULE).exists():
        return "SoftHSM is not installed (softhsm2-util, libsofthsm2.so)"
    return ""


@cache
def make_token() -> None:
    """Make the token. SoftHSM reads where its tokens are once in a process: hence one for all its tests."""
    folder = Path(tempfile.mkdtemp(prefix="qianzhi-softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", PIN]
    subprocess.run(command, check=True, capture_output=True)


def log_out() -> None:
    """End every session of this process: a login is the process's, and with one open any PIN is good."""
    import pkcs11

    pkcs11.lib(MODULE).reinitialize()
