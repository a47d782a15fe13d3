"""The machine as `qianzhi serve` runs it, made to fail where a test asks: for the tests that nothing leaks.

Started as a process of its own: `python -m tests.support.canary_machine SETTINGS SECRETS RESULT`. The text of
SECRETS is in every exception that is raised here, and in what hangs on it. Nothing but faults may be put in
here.
"""

from __future__ import annotations

import atexit
import ctypes
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import console.main
import fep.links.answering
import ledger.book.front
from ledger.rules.request import Answer, Request
from protocol.message import Message

FAULT, UNSENT = "P-FAULT", "P-UNSENT"
_PR_GET_DUMPABLE = 3


class _Unforeseen(Exception):
    """What nobody foresaw."""


def _make_faults(secrets: str) -> None:
    fold, render = ledger.book.front.fold, fep.links.answering.render

    def failing_fold(requests: Iterable[Request], view: Any) -> list[Answer]:  # noqa: ANN401 - ledger.rules.view.View
        given = list(requests)
        if any(request.policy == FAULT for request in given):
            try:
                raise KeyError(secrets, given)
            except KeyError as error:
                raise _Unforeseen(f"{secrets} {given!r}") from error
        return fold(given, view)

    def failing_render(message: Message, answer: Answer, *rest: Any) -> Message:  # noqa: ANN401 - passed on
        if answer.policy == UNSENT:
            raise ValueError(f"{secrets} {message!r} {dict(message.fields)} {answer!r}")
        return render(message, answer, *rest)

    ledger.book.front.fold = failing_fold
    fep.links.answering.render = failing_render


def _note_dumpable(result: Path) -> None:
    result.write_text(str(ctypes.CDLL(None).prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)), encoding="ascii")


if __name__ == "__main__":
    config, secrets_file, result_file = sys.argv[1:]
    _make_faults(Path(secrets_file).read_text(encoding="utf-8"))
    atexit.register(_note_dumpable, Path(result_file))
    sys.argv = ["qianzhi", "serve", config]
    console.main.main()
