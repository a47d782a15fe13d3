"""`python -m bench.receipts`: what a receipt costs to sign and to verify, in processor time."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from receipts.line import Receipt, write
from receipts.public_keys import PublicKey
from receipts.signature import Outcome, Signer, verify

RECEIPT = Receipt(
    *("EXAMPLE", "202611240100000000172", "P2026-1", 12_000, "20261124093000", "20261124", "01020000", "")
)


def main() -> None:
    """Print the microseconds of each."""
    parser = argparse.ArgumentParser(prog="python -m bench.receipts", description=__doc__)
    parser.add_argument("--receipts", type=int, default=20_000, help="how many of each")
    count = parser.parse_args().receipts
    signer = Signer(bytes(range(32)))
    line = write(signer.sign(RECEIPT))
    keys = (PublicKey("EXAMPLE", signer.key, "20261124", "", signer.public),)
    if verify(line, keys).outcome is not Outcome.GOOD:
        raise SystemExit("what was signed does not verify")
    print(f"sign   {_microseconds(lambda: write(signer.sign(RECEIPT)), count):6.1f} us a receipt")
    print(f"verify {_microseconds(lambda: verify(line, keys), count):6.1f} us a receipt")


def _microseconds(work: Callable[[], object], count: int) -> float:
    started = time.process_time()
    for _ in range(count):
        work()
    return (time.process_time() - started) / count * 1_000_000


if __name__ == "__main__":
    main()
