"""`qianzhi receipt`: a receipt is shown from the office, and verified with the office or with keys alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console.main import cli
from console.receipt import TakenBack, UnreadableFile
from ledger.files.settings import SettingsError
from ledger.rules.request import Act
from office.config import load_settings
from office.receipts.published import NoSuchReceipt, known_receipt
from office.receipts.sign import Signing, sign
from receipts.errors import KeysFault
from receipts.line import read, write
from receipts.signature import Signer
from tests.receipts.test_pdf import FONT
from tests.support.builders import request
from tests.support.machine import write_settings
from tests.support.pull_books import Books

SIGNER = Signer(bytes(range(32)))
PAID, TAKEN_BACK = 0, 1


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office that has signed two receipts, the second of which was cancelled since."""
    folder = tmp_path_factory.mktemp("receipts")
    config = folder / "office.toml"
    config.write_text(
        '[office]\ndatabase = "sqlite:///office.db"\nfront = "sqlite:///front.db"\n'
        f'seal_key = "{"0" * 64}"\n[[bank]]\ncode = "1"\nname = "x"\n'
        '[receipts]\ninsurer = "EXAMPLE"\nname = "示例人寿"\n'
        '[keystore]\nfile = "keystore"\nmaster_key = "file:master"\n'
    )
    settings = load_settings(config)
    books = Books(settings.office.front, settings.office.database)
    books.commit(2)
    books.pull()
    sign(books.office, Signing("EXAMPLE", SIGNER), lambda: 1, "office")
    undo = request(act=Act.CANCEL, code="020000", original=books.journal()[TAKEN_BACK].key, policy="", due="")
    books.nodes[0].commit([undo], 1)
    books.pull()
    with books.office.reading() as connection:
        for entry in books.journal()[:2]:
            known = known_receipt(connection, str(entry.receipt))
            (folder / f"{entry.position - 1}.txt").write_text(f"{write(known.signed)}\n")
    books.close()
    return config


def line(office: Path, which: int = PAID) -> str:
    return office.with_name(f"{which}.txt").read_text().strip()


def run(office: Path | None, *arguments: str, typed: str = "") -> Result:
    given = [] if office is None else ["--config", str(office)]
    done = CliRunner().invoke(cli, ["receipt", *arguments, *given], input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def keys(office: Path, tmp_path: Path) -> Path:
    run(office, "keys", str(tmp_path / "keys.txt"))
    return tmp_path / "keys.txt"


def test_a_receipt_is_shown_by_its_number_with_its_code(office: Path) -> None:
    shown = run(office, "show", line(office).split("|")[2]).output.splitlines()
    assert shown[0] == line(office)
    assert "1,200.00 yuan received by EXAMPLE, policy P1" in "\n".join(shown)
    assert max(map(len, shown[1:-4])) == 57 + 8
    with pytest.raises(NoSuchReceipt):
        run(office, "show", "202611240100000000999")


def test_what_the_office_knows_is_said_of_a_payment_that_was_taken_back(office: Path) -> None:
    shown = run(office, "show", line(office, TAKEN_BACK).split("|")[2]).output
    assert "the payment was taken back on 2026-11-24" in shown
    done = run(office, "verify", line(office, TAKEN_BACK))
    assert (done.exit_code, done.output.splitlines()[0]) == (1, "good: was signed by the insurer")
    assert done.output.splitlines()[-1] == "in the books: the payment was taken back on 2026-11-24"


def test_a_receipt_that_stands_is_good_with_exit_code_0(office: Path) -> None:
    done = run(office, "verify", line(office))
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "in the books: the payment stands")


def test_it_is_verified_with_the_keys_alone_as_text_file_and_standard_input(office: Path, keys: Path) -> None:
    for given, typed in ((line(office), ""), (str(office.with_name("0.txt")), ""), ("-", line(office))):
        done = run(None, "verify", given, "--keys", str(keys), typed=typed)
        assert (done.exit_code, done.output.splitlines()[0]) == (0, "good: was signed by the insurer")


def test_without_the_books_nothing_is_known_of_what_came_later(office: Path, keys: Path) -> None:
    assert run(None, "verify", line(office, TAKEN_BACK), "--keys", str(keys)).exit_code == 0


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("|120000|", "|220000|", "altered or forged: "),
        ("QZ1|", "", "no receipt: "),
        ("|P1|", "|p1|", "no receipt: policy: "),
        (SIGNER.key, "AAAAAAAA", "unknown key: "),
    ],
)
def test_what_is_not_good_is_said_with_exit_code_1(
    office: Path, keys: Path, good: str, bad: str, said: str
) -> None:
    for given in ((office, ()), (None, ("--keys", str(keys)))):
        done = run(given[0], "verify", line(office).replace(good, bad), *given[1])
        assert done.exit_code == 1
        assert done.output.startswith(said)


def test_a_cut_line_is_said_to_be_cut(office: Path) -> None:
    assert run(office, "verify", line(office)[:-5]).output.startswith("cut: signature: is cut")


def test_a_signature_of_a_stolen_key_is_found_by_the_books(office: Path) -> None:
    receipt = read(line(office)).receipt
    done = run(office, "verify", write(SIGNER.sign(receipt._replace(amount=1))))
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        1,
        "in the books: another receipt has this number",
    )


def test_as_json_it_says_the_outcome_and_whether_it_stands(office: Path) -> None:
    said = json.loads(run(office, "verify", line(office), "--json").output)
    assert (said["outcome"], said["stands"], said["receipt"]["policy"]) == ("good", True, "P1")


@pytest.mark.parametrize("given", ["nowhere.txt", "\x00", "", "QZ1", "QZ1|" + "A" * 10**5])
def test_what_is_no_text_and_no_file_is_refused(office: Path, given: str) -> None:
    try:
        assert run(office, "verify", given).exit_code == 1
    except UnreadableFile as error:
        assert "cannot be read" in str(error)


def test_a_file_that_holds_no_keys_is_refused(office: Path, tmp_path: Path) -> None:
    for content in (b"", b"\xff\xfe", line(office).encode()):
        tmp_path.joinpath("other").write_bytes(content)
        with pytest.raises(KeysFault):
            run(None, "verify", line(office), "--keys", str(tmp_path / "other"))


@pytest.mark.skipif(not FONT.exists(), reason="not installed: fonts-noto-cjk")
def test_a_page_to_print_is_written_unless_the_payment_was_taken_back(office: Path, tmp_path: Path) -> None:
    page = tmp_path / "receipt.pdf"
    run(office, "pdf", line(office).split("|")[2], str(page))
    assert page.read_bytes().startswith(b"%PDF-1.7")
    with pytest.raises(TakenBack, match="was taken back on 2026-11-24"):
        run(office, "pdf", line(office, TAKEN_BACK).split("|")[2], str(tmp_path / "other.pdf"))
    assert not (tmp_path / "other.pdf").exists()


def test_a_page_that_verifies_is_written_with_the_keys_of_the_office(office: Path, tmp_path: Path) -> None:
    run(office, "page", str(tmp_path / "verify.html"))
    written = (tmp_path / "verify.html").read_text(encoding="utf-8")
    assert SIGNER.public in written
    assert '{"EXAMPLE": "示例人寿"}' in written


def test_a_new_office_signs_receipts_where_it_was_given_a_name_and_only_then(tmp_path: Path) -> None:
    write_settings(tmp_path, "sqlite:///front.db")
    init = ("office", "init", "--front-config", str(tmp_path / "qianzhi.toml"))
    for name, given in (("signing", ("--insurer", "EXAMPLE")), ("other", ())):
        done = CliRunner().invoke(cli, [*init, str(tmp_path / name), *given])
        assert done.exit_code == 0, done.output
    signing, other = (load_settings(tmp_path / name / "office.toml") for name in ("signing", "other"))
    assert signing.receipts is not None
    assert signing.receipts.insurer == "EXAMPLE"
    assert signing.keystore is not None
    assert signing.keystore.path == tmp_path / "signing" / "keystore"
    assert (other.receipts, other.keystore) == (None, None)
    refused = CliRunner().invoke(cli, [*init, str(tmp_path / "third"), "--insurer", "示例"])
    assert refused.exit_code == 2


def test_settings_of_receipts_without_a_keystore_are_refused(office: Path, tmp_path: Path) -> None:
    text = office.read_text().partition("[keystore]")[0]
    (tmp_path / "office.toml").write_text(text)
    with pytest.raises(SettingsError, match="keystore: is missing"):
        load_settings(tmp_path / "office.toml")
