"""A business day over real sockets: cut over in full flow, with one node and with two; the next day's dues
loaded while the banks pay.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from twisted.internet.defer import Deferred

from fep.engine.commit import Deliver, Engine
from fep.operator.control_client import ControlError, ask
from fep.settings.config import Settings, load_settings
from ledger.book.load import ROWS_A_TRANSACTION
from ledger.book.store import Store
from ledger.files import bookfile
from ledger.files.bookfile import Book, PolicyDues
from ledger.files.bookline import DueLine
from ledger.rules.dues import Policy
from ledger.rules.request import Answer, Request
from protocol.message import Message
from tests.support.builders import BANK, book, message, policy, premium, reversal
from tests.support.interleaving import new_postgresql
from tests.support.machine import (
    OTHER_BANK,
    Books,
    Client,
    Machine,
    load_front_book,
    wait_for,
    write_settings,
)
from tests.support.seal_reader import faults

LINKS = 64
TODAY, TOMORROW = "1124", "1125"
EACH_SIDE = 4
"""Answers that every link gets before the cut-over and after it."""


class Heard(NamedTuple):
    """An answer to a request that acts: the request's terminal and STAN, DE 39 and DE 15."""

    terminal: str
    stan: str
    response: str
    date: str


class Flow:
    """A link that collects and reverses its own policy's due without a pause, one request at a time."""

    def __init__(self, client: Client, number: int, enough: Callable[[Flow], bool]) -> None:
        self.client, self._number, self._enough = client, number, enough
        self.heard: list[Heard] = []
        self.notices: list[str] = []
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def of_date(self, date: str) -> int:
        return sum(answer.date == date for answer in self.heard)

    def _run(self) -> None:
        try:
            while not self._enough(self):
                own = {"de32": self.client.bank, "de41": f"T{self._number:07d}"}
                collection = message(groups=(("PN", f"P{self._number}"),), **own)
                self._ask(collection)
                self._ask(reversal(collection, **own))
        except BaseException as error:  # raised again by `join`
            self.error = error

    def _ask(self, sent: Message) -> None:
        self.client.send(sent)
        answer = self.receive()
        assert answer.fields[11] == sent.fields[11]
        fields = answer.fields
        self.heard.append(Heard(sent.fields[41], fields[11], fields[39], fields[15]))

    def receive(self) -> Message:
        """The next answer; notices of the cut-over are put aside."""
        while (answer := self.client.receive()).mti == "0800":
            assert answer.fields[70] == "201"
            self.notices.append(answer.fields[15])
        return answer


def one_a_link(links: int) -> Book:
    return book([policy(f"P{n}") for n in range(links)], [premium(f"D{n}", f"P{n}") for n in range(links)])


@contextmanager
def flowing(machines: Sequence[Machine], links: int, until: Callable[[Flow], bool]) -> Iterator[list[Flow]]:
    """That many links in flow, over both banks and all machines; ends when each has enough."""
    with ExitStack() as stack:
        flows = []
        for number in range(links):
            bank = (BANK, OTHER_BANK)[number % 2]
            machine = machines[number // 2 % len(machines)]
            flows.append(Flow(stack.enter_context(machine.signed_on(bank)), number, until))
        for flow in flows:
            flow.start()
        yield flows
        for flow in flows:
            flow.join()
        for flow in flows:  # whatever was said before the echo's answer has been heard by then
            echo = {7: "1124101112", 11: "000009", 32: flow.client.bank, 70: "301"}
            flow.client.send(Message("0800", echo))
            assert flow.receive().mti == "0810"


def through_the_cut_over(flow: Flow) -> bool:
    return flow.of_date(TOMORROW) >= EACH_SIDE


def wait_for_answers(flows: Sequence[Flow], date: str, answers: int) -> None:
    """Wait until every link has had that many answers of a date."""
    while any(flow.of_date(date) < answers and flow.error is None for flow in flows):
        wait_for(lambda: None)  # gives way to the machine


class Waits(NamedTuple):
    """What ended between each request's offer and its answer: batches, its own included, and errands."""

    batches: list[int]
    exclusive_jobs: list[int]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Counted in the engine."""
    seen, exclusive_jobs = Waits([], []), [0]
    real_offer, real_exclusive_job = Engine.offer, Engine._exclusive_job_done

    def offer(self: Engine, request: Request, deliver: Deliver, give_up: Callable[[], None]) -> None:
        before = self.statistics.batches, exclusive_jobs[0]

        def counted(answer: Answer) -> None:
            seen.batches.append(self.statistics.batches - before[0])
            seen.exclusive_jobs.append(exclusive_jobs[0] - before[1])
            deliver(answer)

        real_offer(self, request, counted, give_up)

    def exclusive_job_done(self: Engine, result: object, done: Deferred[object]) -> None:
        exclusive_jobs[0] += 1
        real_exclusive_job(self, result, done)

    monkeypatch.setattr(Engine, "offer", offer)
    monkeypatch.setattr(Engine, "_exclusive_job_done", exclusive_job_done)
    return seen


def no_longer_than_a_batch(waits: Waits) -> bool:
    """The batch under way and its own; and one errand of each kind at most: cut over, load, look."""
    return max(waits.batches) <= 2 and max(waits.exclusive_jobs) <= 3


def dates_in_the_journal(books: Books) -> dict[tuple[str, str], str]:
    rows = books.rows("SELECT terminal, stan, business_date FROM journal")
    return {(terminal, stan): date for terminal, stan, date in rows}


def check_flows(flows: Sequence[Flow], database: str) -> None:
    """Everything was approved, under the date that the journal has; the days hold; one notice a link."""
    books, store = Books(database), Store(database, lock=False)
    heard = [answer for flow in flows for answer in flow.heard]
    assert {answer.response for answer in heard} == {"00"}
    known = dates_in_the_journal(books)
    assert len(known) == len(heard) == len(books.rows("SELECT key FROM journal"))
    assert [(answer, known[answer.terminal, answer.stan][4:]) for answer in heard] == [
        (answer, answer.date) for answer in heard
    ]
    assert [flow.notices for flow in flows] == [[TOMORROW]] * len(flows)
    assert faults(store) == []
    books.close()
    store.close()


def test_64_links_in_full_flow_are_cut_over_without_a_refusal_or_a_wrong_date(
    tmp_path: Path, database: str, waits: Waits
) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings, one_a_link(LINKS))
    machine = Machine(settings)
    with flowing([machine], LINKS, through_the_cut_over) as flows:
        wait_for_answers(flows, TODAY, EACH_SIDE)
        assert machine.cut_over() == "20261125"
    statistics = machine.service.statistics
    machine.stop()
    check_flows(flows, database)
    assert (dict(statistics.failed_batches), statistics.undelivered) == ({}, 0)
    assert no_longer_than_a_batch(waits)


def test_two_nodes_in_full_flow_are_cut_over_together_by_one_of_them(tmp_path: Path, postgresql: str) -> None:
    machines, database = two_machines(tmp_path, postgresql, one_a_link(16))
    with flowing(machines, 16, through_the_cut_over) as flows:
        wait_for_answers(flows, TODAY, EACH_SIDE)
        assert machines[0].cut_over() == "20261125"
    for machine in machines:
        machine.stop()
    check_flows(flows, database)
    failed = {name for machine in machines for name in machine.service.statistics.failed_batches}
    assert failed <= {"Conflict"}, "a bank's first entry of the day, made by both nodes at once"


def two_machines(tmp_path: Path, postgresql: str, given: Book, **more: str) -> tuple[list[Machine], str]:
    """Two nodes on one book."""
    database = new_postgresql(postgresql, "nodes")
    machines = []
    for number in (1, 2):
        folder = tmp_path / f"node{number}"
        folder.mkdir()
        settings = write_settings(folder, database, **more)
        path = folder / "qianzhi.toml"
        path.write_text(path.read_text().replace('name = "fep1"', f'name = "fep{number}"'))
        if number == 1:
            load_front_book(settings, given)
        machines.append(Machine(load_settings(path)))
    return machines, database


def test_an_idle_node_learns_of_the_cut_over_and_announces_it_once(tmp_path: Path, postgresql: str) -> None:
    machines, database = two_machines(tmp_path, postgresql, book(), limits="\n[day]\npoll_seconds = 1")
    busy, idle = machines
    with idle.signed_on() as bank:
        assert busy.cut_over() == "20261125"
        notice = bank.receive()
        assert (notice.mti, notice.fields[70], notice.fields[15]) == ("0800", "201", TOMORROW)
        wait_for(idle.service._look_at_day)
        assert bank.ask(message()).fields[15] == TOMORROW
        assert idle.cut_over(date="20261124") == "20261125", "asked for at the other node: it is closed"
    for machine in machines:
        machine.stop()
    assert database


def test_a_link_that_signs_on_after_the_cut_over_is_told_the_new_date(bank: Client, machine: Machine) -> None:
    assert machine.cut_over() == "20261125"
    assert bank.receive().fields[15] == TOMORROW
    with machine.client() as late:
        assert late.sign_on().fields[15] == TOMORROW


def test_a_day_is_cut_over_by_the_operator_once_and_not_before_it_begins(
    machine: Machine, bank: Client, books: Books
) -> None:
    assert bank.ask(message()).fields[39] == "00"
    assert machine.cut_over() == "20261125"
    sealed = books.rows("SELECT * FROM days WHERE state = 'closed'")
    with pytest.raises(
        ControlError, match="20261125 has not begun: it is 2026-11-24 10:11 in Beijing: nothing was done"
    ):
        machine.cut_over()
    with pytest.raises(ControlError, match="there is no business day 20261120"):
        machine.cut_over(date="20261120")
    assert machine.cut_over(date="20261124") == "20261125"
    assert books.rows("SELECT * FROM days WHERE state = 'closed'") == sealed
    assert machine.cut_over(early=True) == "20261126"
    assert books.rows("SELECT date, state FROM days ORDER BY date") == [
        ("20261124", "closed"),
        ("20261125", "closed"),
        ("20261126", "open"),
    ]


# The next day's dues.


def write_book(
    path: Path, dues: Sequence[DueLine], withdrawn: Sequence[DueLine] = (), policies: Sequence[Policy] = ()
) -> str:
    entries = [PolicyDues(policy(due.policy), (due,)) for due in dues]
    entries += [PolicyDues(policy, ()) for policy in policies]
    path.write_bytes(b"".join(bookfile.write("20261125", entries, withdrawn)))
    return str(path)


def load(
    settings: Settings, path: str, progress: Callable[[int], None] = lambda _: None
) -> dict[str, object]:
    return dict(ask(Path(settings.node.control), "load", progress, path=path))


def test_the_next_days_dues_are_loaded_while_serving(tmp_path: Path, database: str) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings, book(dues=[premium(f"D{n}", f"P{n}") for n in range(1, 7)]))
    machine = Machine(settings)
    with machine.signed_on() as bank:

        def pays(number: int) -> tuple[str, str]:
            answer = bank.ask(message(groups=(("PN", f"P{number}"),)))
            return answer.fields[39], answer.fields.get(44, "")

        assert pays(1) == ("00", "")
        machine.cut_over()
        bank.receive()
        leaving = [premium("D1", "P1"), premium("D2", "P2")]
        path = write_book(tmp_path / "b.csv", [premium("N1", "P9")], leaving, [policy("P3", "lapsed")])
        done = load(settings, path)
        assert (done["withdrawn"], done["withdrawn_late"], done["lapsed"]) == (1, 1, 1)
        assert [pays(number) for number in (1, 2, 3, 4, 9, 7)] == [
            ("12", "ALREADY PAID"),
            ("12", "DUE WITHDRAWN"),
            ("12", "DUE LAPSED"),
            ("00", ""),
            ("00", ""),
            ("25", "NO SUCH POLICY"),
        ]
        with pytest.raises(ControlError, match="this file was loaded already, for 20261125"):
            load(settings, path)
        other = write_book(tmp_path / "c.csv", [premium("N2", "P9")])
        with pytest.raises(ControlError, match="the dues of 20261125 were loaded already, from another file"):
            load(settings, other)
        Path(other).write_text("something else\n")
        with pytest.raises(ControlError, match="line 1: the header must be"):
            load(settings, other)
        with pytest.raises(ControlError, match="No such file"):
            load(settings, str(tmp_path / "none.csv"))
        machine.cut_over(early=True)
        bank.receive()
        assert [pays(number) for number in (1, 2, 3, 5)] == [
            ("12", "ALREADY PAID"),
            ("12", "DUE WITHDRAWN"),
            ("12", "DUE LAPSED"),
            ("00", ""),
        ]
    machine.stop()
    store = Store(database, lock=False)
    assert faults(store) == []
    store.close()


def test_payments_flow_while_thousands_of_dues_are_loaded(
    tmp_path: Path, database: str, waits: Waits
) -> None:
    settings = write_settings(tmp_path, database)
    load_front_book(settings, one_a_link(8))
    machine = Machine(settings)
    machine.cut_over()
    path = write_book(tmp_path / "b.csv", [premium(f"N{n}", f"Q{n}") for n in range(5_000)])
    results: list[int] = []
    answered: list[int] = []
    loaded = threading.Event()
    with flowing([machine], 8, lambda _: loaded.is_set()) as flows:

        def progress(rows: int) -> None:
            results.append(rows)
            answered.append(sum(len(flow.heard) for flow in flows))

        wait_for_answers(flows, TOMORROW, 1)
        answered.append(sum(len(flow.heard) for flow in flows))
        assert load(settings, path, progress)["dues"] == 5_000
        answered.append(sum(len(flow.heard) for flow in flows))
        loaded.set()
    machine.stop()
    assert results == [ROWS_A_TRANSACTION] * 20, "of policies, and of dues"
    assert answered[0] < answered[-1], "answers left while the load was under way"
    assert {answer.response for flow in flows for answer in flow.heard} == {"00"}
    assert no_longer_than_a_batch(waits), "nobody waits for the load, only for one of its transactions"
    store = Store(database, lock=False)
    assert faults(store) == []
    store.close()


def test_two_loads_at_once_do_not_mix(tmp_path: Path, database: str) -> None:
    """The second waits for the first, and is then told what there is."""
    settings = write_settings(tmp_path, database)
    load_front_book(settings)
    machine = Machine(settings)
    machine.cut_over()
    first = write_book(tmp_path / "a.csv", [premium(f"A{n}", f"Q{n}") for n in range(3_000)])
    second = write_book(tmp_path / "b.csv", [premium(f"B{n}", f"Q{n}") for n in range(3_000)])
    refusals: list[str] = []

    def load_second(_: int) -> None:
        if not threads:
            threads.append(threading.Thread(target=refused))
            threads[0].start()

    def refused() -> None:
        with pytest.raises(ControlError) as caught:
            load(settings, second)
        refusals.append(str(caught.value))

    threads: list[threading.Thread] = []
    assert load(settings, first, load_second)["dues"] == 3_000
    threads[0].join(30)
    machine.stop()
    books = Books(database)
    assert refusals == ["the dues of 20261125 were loaded already, from another file"]
    assert books.rows("SELECT count(*) FROM dues WHERE due LIKE 'A%'") == [(3_000,)]
    assert books.rows("SELECT count(*) FROM dues WHERE due LIKE 'B%' AND due <> 'B1'") == [(0,)]
    books.close()


def test_the_first_load_through_the_machine_opens_its_day_at_once(tmp_path: Path, database: str) -> None:
    settings = write_settings(tmp_path, database)
    machine = Machine(settings)
    assert machine.get("/readyz")[0] == 503
    with machine.signed_on() as bank:
        assert bank.ask(message()).fields[39] == "90"
        load(settings, write_book(tmp_path / "b.csv", [premium()]))
        assert machine.get("/readyz") == (200, "ok\n")
        assert bank.receive().fields[70] == "201"
        assert bank.ask(message()).fields[39] == "00"
    machine.stop()


def test_a_machine_starts_where_a_killed_one_left_its_socket(tmp_path: Path) -> None:
    """In a container every process has the same number: the one that left the socket seems to be alive."""
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    load_front_book(settings)
    path = Path(settings.node.control)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    path.with_name(path.name + ".lock").symlink_to(str(os.getpid()))
    machine = Machine(settings)
    assert machine.cut_over() == "20261125"
    machine.stop()
    assert not path.exists()
