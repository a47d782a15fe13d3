"""A volume of documents knows its policies when it is sealed, and when it is made again of its image."""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from pathlib import Path

from archive.catalogue.acts import prepare
from archive.catalogue.ends import ContractEnd, ends_on
from archive.intake.documents import gather_documents
from archive.intake.ends import take_ends
from archive.intake.take import take_in
from archive.keeping import Actor
from archive.log.note import public_half
from archive.parcel import DOCUMENTS
from archive.rebuild import rebuild
from archive.rules.retention import shipped
from ledger.book.store import Store
from tests.support.archived_days import ARCHIVE, AT, persons_of
from tests.support.sealing_room import SEED, places, sealing

DATE = "20260923"
LETTER = "尊敬的客户".encode()
KNOWN = (ContractEnd("P1", "", ""), ContractEnd("P2", "", ""))


def test_a_volume_of_documents_follows_the_ends_of_its_policies(tmp_path: Path, on_sqlite: Store) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    rows = [(policy, f"{policy}.txt", LETTER + policy.encode()) for policy in ("P1", "P2")]
    for _policy, file, data in rows:
        (inbox / file).write_bytes(data)
    lines = (f"{policy},{file},letter,{hashlib.sha256(data).hexdigest()}\n" for policy, file, data in rows)
    (inbox / f"documents.{DATE}.csv").write_text(f"policy,file,kind,sha256\n{''.join(lines)}")
    (inbox / "ends.20261231.csv").write_text("policy,class,ended\nP1,B10,20261001\nP2,B5,20260901\n")
    gather = partial(gather_documents, ARCHIVE, DATE, inbox, persons_of)
    take_in(on_sqlite, places(tmp_path).staging, DATE, DOCUMENTS, "B?", gather, AT)
    assert take_ends(on_sqlite, inbox, "20261231", shipped(), AT).volumes == {}
    (volume,) = sealing(on_sqlite, tmp_path).run(AT, now=True)
    assert (volume.cls, volume.destroy_after) == ("B?", "20361001")

    other = tmp_path / "other"
    shutil.copytree(places(tmp_path).images, places(other).images)
    store = Store(f"sqlite:///{other / 'archive.db'}", by_index=False)
    prepare(store, ARCHIVE, 1, "li")
    rebuild(
        store, places(other), [places(other).image("QZ-0001")], public_half(ARCHIVE, SEED), Actor("li", AT)
    )
    with store.reading() as connection:
        assert ends_on(connection, "QZ-0001") == KNOWN
    assert take_ends(store, inbox, "20261231", shipped(), AT).volumes == {"QZ-0001": "20361001"}
    store.close()
