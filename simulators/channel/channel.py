"""The bank behind a channel: what it took, what it did, and which files it gives out on a day.

Pure given its seeded source and the days that are handed in. `collected` is the truth that a test holds books
against: what an account was really charged, and not given back.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date as day_of
from datetime import timedelta
from random import Random

from collection.forms.answer import is_done
from collection.forms.form_file import Form
from collection.forms.lines import NamedFile, ReturnLine, StatementLine
from simulators.channel import files, intake, outcomes
from simulators.channel.intake import Taken
from simulators.channel.outcomes import Habits, Way


class Channel:
    """One bank's batch channel. Days are YYYYMMDD."""

    def __init__(self, form: Form, channel: str, account: str, random: Random, habits: Habits) -> None:
        """`channel` is its code, `account` the insurer's account with the bank."""
        self._form = form
        self.code, self._account = channel, account
        self._random, self._habits = random, habits
        self._seen = set[str]()
        self._answers: defaultdict[str, list[NamedFile]] = defaultdict(list)
        self._lost: list[NamedFile] = []
        self._returns: defaultdict[str, list[ReturnLine]] = defaultdict(list)
        self._settled: defaultdict[str, list[StatementLine]] = defaultdict(list)
        self.collected: dict[tuple[str, int], int] = {}
        """Batch and line -> fen that the payer was charged, and has not got back."""
        self.ways: dict[str, Way] = {}
        """Request file -> what happened to its answer."""

    def take(self, request: Iterable[NamedFile], day: str) -> None:
        """Take request files on a day: collect, and prepare the answers."""
        for file in request:
            self._take(file, day)

    def answers(self, day: str) -> tuple[NamedFile, ...]:
        """Return the answer files that are there on a day, in no particular order."""
        found = self._answers.pop(day, [])
        self._random.shuffle(found)
        return tuple(found)

    def asked_again(self) -> tuple[NamedFile, ...]:
        """Return the answers that were lost, as a bank gives them when somebody asks."""
        found, self._lost = tuple(self._lost), []
        return found

    def returns(self, day: str) -> NamedFile | None:
        """Return the return file of a day; None where nothing was taken back, or the form has none."""
        lines = self._returns.pop(day, [])
        return files.returned(self._form, self.code, self._account, day, lines) if lines else None

    def statement(self, day: str) -> NamedFile | None:
        """Return the statement file of a day; None where nothing was paid, or the form has none."""
        lines = self._settled.pop(day, [])
        return files.settled(self._form, self.code, self._account, day, lines) if lines else None

    def _take(self, file: NamedFile, day: str) -> None:
        taken = intake.take(file, self._form)
        digest = hashlib.sha256(file.content).hexdigest()
        way = outcomes.way_of(self._random, self._habits)
        refused = taken.refused
        if not refused and digest in self._seen:
            refused = intake.DUPLICATE
        elif not refused and way in (Way.REFUSED, Way.NOT_RECEIVED):
            refused = intake.WHOLE if way is Way.REFUSED else intake.LOST
        if not refused:
            self._seen.add(digest)
        self.ways[file.name] = way
        if refused:
            self._answers[day].append(self._answer(taken, self._file_code(refused), []))
            return
        lines = [self._worked(taken, line, day) for line in taken.lines.values()]
        self._settle(taken.edge["batch"], lines, day)
        self._give_out(taken, lines, way, day)

    def _file_code(self, refused: str) -> str:
        return intake.IN_ISO[refused] if self._form.form == "pain.008" else refused

    def _worked(self, taken: Taken, line: Mapping[str, str], day: str) -> dict[str, str]:
        """Collect a line, or not; return it with its outcome."""
        code = outcomes.code_of(self._random, self._habits, self._form)
        done = is_done(self._form.answer, code)
        batch, number, fen = taken.edge["batch"], int(line["line"]), int(line["amount"])
        reference = f"R{batch[1:]}{number:04d}"[:12]
        if done:
            self.collected[batch, number] = fen
            if outcomes.is_returned(self._random, self._habits):
                later = after(day, 3)
                code_of_return = outcomes.RETURNS[self._form.codes]
                self._returns[later].append(ReturnLine(batch, number, reference, code_of_return, later, fen))
                del self.collected[batch, number]
        return {
            **line,
            "code": code,
            "text": "" if done else "失败",
            "value_date": day if done else "",
            "reference": reference if done else "",
        }

    def _settle(self, batch: str, lines: list[dict[str, str]], day: str) -> None:
        done = [int(line["amount"]) for line in lines if is_done(self._form.answer, line["code"])]
        if done:
            later = after(day, 1)
            fee = self._habits.fee * len(done)
            self._settled[later].append(StatementLine(batch, f"S{batch[1:]}", later, sum(done), fee))

    def _give_out(self, taken: Taken, lines: list[dict[str, str]], way: Way, day: str) -> None:
        self._random.shuffle(lines)
        taken_code = self._form.answer.taken[0]
        answer = self._answer(taken, taken_code, lines)
        if way is Way.LOST:
            self._lost.append(answer)
        elif way is Way.DELAYED:
            self._answers[after(day, self._habits.delay)].append(answer)
        elif way is Way.REPEATED:
            self._answers[day] += [answer, answer]
        elif way is Way.HALVED and len(lines) > 1:
            half = len(lines) // 2
            self._answers[day].append(self._answer(taken, taken_code, lines[:half]))
            self._answers[after(day, 1)].append(self._answer(taken, taken_code, lines[half:]))
        elif way is Way.ALTERED:
            self._answers[day].append(answer._replace(content=outcomes.altered(self._random, answer.content)))
            self._lost.append(answer)
        else:
            self._answers[day].append(answer)

    def _answer(self, taken: Taken, file_code: str, lines: list[dict[str, str]]) -> NamedFile:
        edge = {"channel": self.code, "part": "1", **taken.edge, "file_code": file_code, "text": ""}
        asked = [int(line["amount"]) for line in taken.lines.values()]
        return files.answer(self._form, edge, lines, asked)


def after(day: str, days: int) -> str:
    """Return the day that is so many days after another (YYYYMMDD)."""
    return (day_of(int(day[:4]), int(day[4:6]), int(day[6:])) + timedelta(days)).strftime("%Y%m%d")
