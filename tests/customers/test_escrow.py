"""A list of keys opens for its two holders together, and a certificate names each list that has the key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from customers.config import Holder
from customers.errors import EscrowError, NotAllowed
from customers.escrow import key_lines, make_list, opened_layer, parse_layer, private_key, sealed_layer
from customers.rules.states import Act
from tests.support.customers_desk import OTHER_POLICY, Counter

FIRST, SECOND = (X25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (1, 2))
HOLDERS = tuple(
    Holder(name=name, public=key.public_key().public_bytes_raw().hex())
    for name, key in (("保险柜甲", FIRST), ("safe B", SECOND))
)


@pytest.fixture
def escrowed(loaded: Counter) -> Counter:
    loaded.settings = loaded.settings.model_copy(update={"holder": HOLDERS})
    return loaded


def pem(key: X25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_the_two_holders_open_what_neither_opens_alone(escrowed: Counter) -> None:
    made = make_list(escrowed.desk(), escrowed.keys, "li")
    outer = parse_layer(made.text.encode())
    assert (outer.number, outer.layer, outer.holder, made.keys) == (1, 2, "safe B", 3)
    with pytest.raises(EscrowError, match="list 1 is for safe B"):
        opened_layer(outer, FIRST)
    inner = parse_layer(opened_layer(outer, private_key(pem(SECOND))))
    assert (inner.layer, inner.holder) == (1, "保险柜甲")
    with pytest.raises(EscrowError):
        opened_layer(inner, SECOND)
    listed = dict(key_lines(opened_layer(inner, FIRST)))
    key = escrowed.book.key_of(escrowed.person())
    assert key is not None
    assert (listed[escrowed.person()], len(listed)) == (key.reveal().hex(), 3)
    assert key.reveal().hex() not in made.text


def test_a_certificate_names_the_lists_that_have_the_key(escrowed: Counter) -> None:
    make_list(escrowed.desk(), escrowed.keys, "li")
    first = escrowed.agreed(Act.SHRED, escrowed.person())
    make_list(escrowed.desk(), escrowed.keys, "li")
    second = escrowed.agreed(Act.SHRED, escrowed.person(OTHER_POLICY, "payer"))
    named = [
        [line.split()[4] for line in done.certificate.splitlines() if line.startswith("- key list")]
        for done in (first, second)
    ]
    assert named == [["1"], ["1", "2"]]


def test_a_list_is_named_though_a_clock_was_set_back(escrowed: Counter) -> None:
    make_list(escrowed.desk()._replace(at=1), escrowed.keys, "li")
    assert "key list" in escrowed.agreed(Act.SHRED, escrowed.person()).certificate


def test_a_list_has_no_key_that_was_destroyed(escrowed: Counter) -> None:
    escrowed.agreed(Act.SHRED, escrowed.person())
    assert make_list(escrowed.desk(), escrowed.keys, "li").keys == 2


def test_no_list_without_two_holders_or_the_permission(loaded: Counter) -> None:
    with pytest.raises(EscrowError, match="no two holders"):
        make_list(loaded.desk(), loaded.keys, "li")
    with pytest.raises(NotAllowed):
        make_list(loaded.desk(), loaded.keys, "guest")


TEXT = sealed_layer(b"a list", 3, 1, HOLDERS[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        TEXT[:-20],
        TEXT.replace("list: 3", "list: x"),
        TEXT.replace("layer: 1", "layer: 3"),
        TEXT + "?",
    ],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(EscrowError):
        opened_layer(parse_layer(text.encode()), FIRST)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(EscrowError, match="no sealed list"):
        parse_layer(b"\xff\x00")


def test_a_list_under_another_number_does_not_open() -> None:
    assert opened_layer(parse_layer(TEXT.encode()), FIRST) == b"a list"
    with pytest.raises(EscrowError):
        opened_layer(parse_layer(TEXT.replace("list: 3", "list: 4").encode()), FIRST)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no key",
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
)
def test_what_is_no_holders_key_is_refused(data: bytes) -> None:
    with pytest.raises(EscrowError, match="no private key of X25519"):
        private_key(data)
