"""What somebody else's program says of a signature of ours: `openssl`, on the demo's own keys and texts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from qianzhi_errors import QianzhiError

_DER_HEAD: Final = bytes.fromhex("302a300506032b6570032100")
"""Before the 32 bytes of an Ed25519 public key in a SubjectPublicKeyInfo (RFC 8410, section 4)."""


class NotVerified(QianzhiError):
    """openssl does not verify a signature of ours."""


def openssl_says(folder: Path, text: bytes, signature: bytes, public: bytes) -> str:
    """Return what openssl says of an Ed25519 signature on a text; that it is not there, where it is not. The
    files that it reads stay in the folder. Raises NotVerified.
    """
    program = shutil.which("openssl")
    if program is None:
        return "openssl is not installed here, so nobody else checked it"
    contents = {"text": text, "signature": signature, "key.der": _DER_HEAD + public}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    key = ("-pubin", "-keyform", "DER", "-inkey", str(folder / "key.der"))
    files = ("-rawin", "-in", str(folder / "text"), "-sigfile", str(folder / "signature"))
    command = [program, "pkeyutl", "-verify", *key, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotVerified(f"openssl does not verify the signature: {done.stdout}{done.stderr}")
    return f"openssl says {done.stdout.strip()!r}"
