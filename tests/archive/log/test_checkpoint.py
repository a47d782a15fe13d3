"""A checkpoint is C2SP's, and a witness's word on it is checked like the log's own."""

from __future__ import annotations

from base64 import b64decode

import pytest

from archive.errors import LogFault
from archive.log.checkpoint import Checkpoint, Cosignature, cosignatures, cosigned, parse_checkpoint
from archive.log.note import Note, SignatureType, check_note, parse_note, public_half, signed

# The examples of the specifications (tlog-checkpoint; tlog-cosignature); their keys are not published.
C2SP_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1n"
    "PZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
LOG_SEED, WITNESS_SEED = bytes(range(32)), bytes(range(1, 33))
WITNESS = public_half("bank.example/witness", WITNESS_SEED, SignatureType.COSIGNATURE)
CHECKPOINT = Checkpoint("insurer.example/archive", 3, bytes(range(32)))
NOTE = signed(CHECKPOINT.text, CHECKPOINT.origin, LOG_SEED)


def test_the_specifications_example_is_read() -> None:
    note = parse_note(C2SP_CHECKPOINT.encode())
    root = b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert parse_checkpoint(note.text) == Checkpoint("example.com/behind-the-sofa", 20852163, root)
    assert int.from_bytes(note.signatures[1].signature[:8], "big") == 1679315147
    assert len(note.signatures[1].signature) == 8 + 64


def test_a_checkpoint_is_written_and_read_back() -> None:
    assert parse_checkpoint(CHECKPOINT.text) == CHECKPOINT
    assert parse_checkpoint(CHECKPOINT._replace(size=0).text).size == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        CHECKPOINT.text[:-1],
        CHECKPOINT.text + "extension\n",
        CHECKPOINT.text.replace("\n3\n", "\n03\n"),
        CHECKPOINT.text.replace("\n3\n", "\n-3\n"),
        CHECKPOINT.text.replace("\n3\n", "\n٣\n"),
        CHECKPOINT.text.replace("=", "A"),
        CHECKPOINT.text.replace("Hh8=", "Hh9="),
        CHECKPOINT.text.partition("\n")[2],
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(LogFault, match=r"^a checkpoint is a log's name"):
        parse_checkpoint(text)


def test_a_witness_adds_its_word_and_leaves_the_logs() -> None:
    note = parse_note(str(cosigned(NOTE, WITNESS.name, WITNESS_SEED, 1_795_000_000)).encode())
    assert check_note(note, [public_half(CHECKPOINT.origin, LOG_SEED)]) == (CHECKPOINT.origin,)
    assert cosignatures(note, [WITNESS]) == (Cosignature("bank.example/witness", 1_795_000_000),)


def test_a_stranger_is_no_witness() -> None:
    note = cosigned(NOTE, "stranger.example", bytes(32), 1)
    assert cosignatures(note, [WITNESS, public_half("bank.example/witness", WITNESS_SEED)]) == ()


def test_a_witness_signs_its_own_moment() -> None:
    note = cosigned(NOTE, WITNESS.name, WITNESS_SEED, 1)
    line = note.signatures[-1]
    later = line._replace(signature=(2).to_bytes(8, "big") + line.signature[8:])
    with pytest.raises(LogFault, match=r"^the signature of bank.example/witness is wrong$"):
        cosignatures(Note(note.text, (later,)), [WITNESS])


def test_a_witnesses_word_on_another_tree_does_not_hold() -> None:
    note = cosigned(NOTE, WITNESS.name, WITNESS_SEED, 1)
    with pytest.raises(LogFault, match=r"^the signature of bank.example/witness is wrong$"):
        cosignatures(Note(CHECKPOINT._replace(size=4).text, note.signatures), [WITNESS])


def test_a_cut_word_of_a_witness_does_not_hold() -> None:
    line = cosigned(NOTE, WITNESS.name, WITNESS_SEED, 1).signatures[-1]
    cut = line._replace(signature=line.signature[:-1])
    with pytest.raises(LogFault, match=r"^the signature of bank.example/witness is wrong$"):
        cosignatures(Note(NOTE.text, (cut,)), [WITNESS])
