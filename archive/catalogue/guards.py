"""The triggers with which the catalogue's database itself refuses a state that no table leads to.

Each is made of a table of `archive.rules.states`, so that the database and the program cannot differ. Checks
that the program makes first, with a message for people, do not belong here.
"""

# ruff: noqa: S608 - the statements consist of the tables' own names
from __future__ import annotations

from typing import Final

from archive.rules.states import (
    COPY,
    GOOD_COPIES,
    PARCEL,
    PLACES_MIN,
    VOLUME,
    CopyState,
    ParcelState,
    VolumeState,
)
from ledger.book.guards import Guard, not_a_step, refused_insert, refused_update

_GOOD: Final = ", ".join(f"'{state.value}'" for state in GOOD_COPIES)
_TOO_FEW: Final = (
    f"NEW.state = '{VolumeState.SAFE.value}' AND (SELECT count(DISTINCT place) FROM copies"
    f" WHERE copies.volume = NEW.volume AND copies.state IN ({_GOOD}) AND place <> '') < {PLACES_MIN}"
)
_HELD: Final = (
    f"NEW.state = '{VolumeState.DESTROYED.value}' AND EXISTS (SELECT 1 FROM holds"
    " WHERE holds.subject = NEW.volume AND NOT EXISTS"
    " (SELECT 1 FROM releases WHERE releases.hold = holds.hold))"
)
_UNDECIDED: Final = (
    f"NEW.state = '{VolumeState.DESTROYED.value}' AND NOT EXISTS (SELECT 1 FROM proposals p"
    " JOIN decisions d ON d.proposal = p.proposal WHERE p.act = 'destroy' AND p.subject = NEW.volume"
    " AND d.decision = 'approve')"
)
_LAST_GOOD: Final = (
    f"NEW.state = '{CopyState.RETIRED.value}' AND OLD.state IN ({_GOOD})"
    " AND (SELECT count(DISTINCT other.place) FROM copies other WHERE other.volume = NEW.volume"
    f" AND other.copy <> NEW.copy AND other.state IN ({_GOOD}) AND other.place <> '') < {PLACES_MIN}"
    " AND NOT EXISTS (SELECT 1 FROM volumes v WHERE v.volume = NEW.volume"
    f" AND v.state = '{VolumeState.DESTROYED.value}')"
    " AND NOT EXISTS (SELECT 1 FROM proposals p JOIN decisions d ON d.proposal = p.proposal"
    " WHERE p.act = 'retire' AND p.subject = NEW.copy AND d.decision = 'approve')"
)
_SAME_PERSON: Final = (
    "NEW.decision = 'approve' AND EXISTS (SELECT 1 FROM proposals p"
    """ WHERE p.proposal = NEW.proposal AND lower(p."by") = lower(NEW."by"))"""
)
_NOT_RELEASED: Final = (
    "NOT EXISTS (SELECT 1 FROM proposals p JOIN decisions d ON d.proposal = p.proposal"
    " WHERE p.act = 'release' AND p.subject = CAST(NEW.hold AS TEXT) AND d.decision = 'approve')"
)

_SEALED_AS: Final = (
    "manifest, root, note, leaves, first_leaf, files, bytes, image_bytes, image_sha256, previous, made_at"
)


GUARDS: Final[tuple[Guard, ...]] = (
    *refused_update(
        "volume_stays_as_sealed",
        "volumes",
        _SEALED_AS,
        "OLD.state <> 'open'",
        "a sealed volume is not changed",
    ),
    *refused_update(
        "parcel_stays_as_taken", "parcels", "digest", "OLD.digest <> ''", "a parcel is taken in once"
    ),
    *refused_update(
        "parcel_stays_on_its_volume", "parcels", "volume", "OLD.volume <> ''", "a parcel is on one volume"
    ),
    *refused_insert(
        "parcel_begins_expected",
        "parcels",
        f"NEW.state <> '{ParcelState.EXPECTED.value}'",
        "a parcel begins expected",
    ),
    *refused_insert(
        "volume_begins_open", "volumes", f"NEW.state <> '{VolumeState.OPEN.value}'", "a volume begins open"
    ),
    *refused_insert(
        "copy_begins_written", "copies", f"NEW.state <> '{CopyState.WRITTEN.value}'", "a copy begins written"
    ),
    *refused_update("parcel_step", "parcels", "state", not_a_step(PARCEL), "a parcel cannot take this step"),
    *refused_update("volume_step", "volumes", "state", not_a_step(VOLUME), "a volume cannot take this step"),
    *refused_update("copy_step", "copies", "state", not_a_step(COPY), "a copy cannot take this step"),
    *refused_update(
        "copy_leaves_enough", "copies", "state", _LAST_GOOD, "two people retire what a volume needs"
    ),
    *refused_update("volume_is_safe", "volumes", "state", _TOO_FEW, "a volume is safe at two places"),
    *refused_update("volume_is_held", "volumes", "state", _HELD, "a held volume is not destroyed"),
    *refused_update("volume_two_people", "volumes", "state", _UNDECIDED, "two people destroy a volume"),
    *refused_insert("decision_two_people", "decisions", _SAME_PERSON, "who proposed does not approve"),
    *refused_insert("release_two_people", "releases", _NOT_RELEASED, "two people release a hold"),
)
"""What the database refuses, whatever the program above it does."""
