"""The states of a parcel, a volume and a copy, and all that can happen to each, as tables.

Pure data. `archive.catalogue.guards` has the database obey the same tables. What is done at an event does not
belong here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class ParcelState(StrEnum):
    """How far a parcel has come: all that belongs to one business date of one source."""

    EXPECTED = "expected"
    COMPLETE = "complete"
    STAGED = "staged"
    SEALED = "sealed"


class ParcelEvent(StrEnum):
    """What moves a parcel. GATHERED: its last missing piece has come."""

    GATHERED = "gathered"
    PUT_INTO_A_VOLUME = "put_into_a_volume"
    VOLUME_SEALED = "volume_sealed"


class VolumeState(StrEnum):
    """How far a volume has come. DUE: a copy of it has not been read for longer than the settings allow."""

    OPEN = "open"
    SEALED = "sealed"
    WRITTEN = "written"
    SAFE = "safe"
    DUE = "due"
    DESTROYED = "destroyed"


class VolumeEvent(StrEnum):
    """What moves a volume. IMAGE_VERIFIED: the image was read again, and every hash agreed."""

    IMAGE_VERIFIED = "image_verified"
    COPY_WRITTEN = "copy_written"
    COPIES_VERIFIED = "copies_verified"
    COPY_LOST = "copy_lost"
    CHECK_DUE = "check_due"
    CHECKED = "checked"
    DESTROY = "destroy"


class CopyState(StrEnum):
    """The states of a copy: one medium that carries a volume."""

    WRITTEN = "written"
    VERIFIED = "verified"
    SHELVED = "shelved"
    LENT = "lent"
    SUSPECT = "suspect"
    RETIRED = "retired"


class CopyEvent(StrEnum):
    """What moves a copy. FAULT: it could not be read, or gave other bytes than were written."""

    VERIFY = "verify"
    SHELVE = "shelve"
    LEND = "lend"
    RETURN = "return"
    FAULT = "fault"
    RETIRE = "retire"


PARCEL: Final[Mapping[tuple[ParcelState, ParcelEvent], ParcelState]] = MappingProxyType(
    {
        (ParcelState.EXPECTED, ParcelEvent.GATHERED): ParcelState.COMPLETE,
        (ParcelState.COMPLETE, ParcelEvent.PUT_INTO_A_VOLUME): ParcelState.STAGED,
        (ParcelState.STAGED, ParcelEvent.VOLUME_SEALED): ParcelState.SEALED,
    }
)
"""All that can happen to a parcel. What is sealed stays so: a late piece is of the date on which it came."""

VOLUME: Final[Mapping[tuple[VolumeState, VolumeEvent], VolumeState]] = MappingProxyType(
    {
        (VolumeState.OPEN, VolumeEvent.IMAGE_VERIFIED): VolumeState.SEALED,
        (VolumeState.SEALED, VolumeEvent.COPY_WRITTEN): VolumeState.WRITTEN,
        (VolumeState.WRITTEN, VolumeEvent.COPIES_VERIFIED): VolumeState.SAFE,
        (VolumeState.SAFE, VolumeEvent.COPY_LOST): VolumeState.WRITTEN,
        (VolumeState.SAFE, VolumeEvent.CHECK_DUE): VolumeState.DUE,
        (VolumeState.DUE, VolumeEvent.CHECKED): VolumeState.SAFE,
        (VolumeState.DUE, VolumeEvent.COPY_LOST): VolumeState.WRITTEN,
        (VolumeState.SEALED, VolumeEvent.DESTROY): VolumeState.DESTROYED,
        (VolumeState.WRITTEN, VolumeEvent.DESTROY): VolumeState.DESTROYED,
        (VolumeState.SAFE, VolumeEvent.DESTROY): VolumeState.DESTROYED,
        (VolumeState.DUE, VolumeEvent.DESTROY): VolumeState.DESTROYED,
    }
)
"""All that can happen to a volume. It is safe while at least two verified copies are at two places; that its
copies move to another kind of medium changes nothing of it.
"""

COPY: Final[Mapping[tuple[CopyState, CopyEvent], CopyState]] = MappingProxyType(
    {
        (CopyState.WRITTEN, CopyEvent.VERIFY): CopyState.VERIFIED,
        (CopyState.WRITTEN, CopyEvent.FAULT): CopyState.SUSPECT,
        (CopyState.WRITTEN, CopyEvent.RETIRE): CopyState.RETIRED,
        (CopyState.VERIFIED, CopyEvent.SHELVE): CopyState.SHELVED,
        (CopyState.VERIFIED, CopyEvent.FAULT): CopyState.SUSPECT,
        (CopyState.SHELVED, CopyEvent.LEND): CopyState.LENT,
        (CopyState.SHELVED, CopyEvent.FAULT): CopyState.SUSPECT,
        (CopyState.SHELVED, CopyEvent.RETIRE): CopyState.RETIRED,
        (CopyState.LENT, CopyEvent.RETURN): CopyState.SHELVED,
        (CopyState.LENT, CopyEvent.FAULT): CopyState.SUSPECT,
        (CopyState.SUSPECT, CopyEvent.RETIRE): CopyState.RETIRED,
        (CopyState.VERIFIED, CopyEvent.RETIRE): CopyState.RETIRED,
    }
)
"""All that can happen to a copy. One that once gave a wrong byte is never trusted again."""

GOOD_COPIES: Final = (CopyState.VERIFIED, CopyState.SHELVED, CopyState.LENT)
"""The states of a copy whose every byte was compared, and agreed."""

PLACES_MIN: Final = 2
"""A volume is safe where good copies of it are at so many places: one building may burn down."""
