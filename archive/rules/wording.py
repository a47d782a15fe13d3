"""The names of the archive's states in Chinese and English, as the glossary has them. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from archive.rules.states import CopyState, ParcelState, VolumeState
from office.reports.wording import Words

PARCEL_STATES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        ParcelState.EXPECTED: Words("待齐全", "Expected"),
        ParcelState.COMPLETE: Words("已齐全", "Complete"),
        ParcelState.STAGED: Words("组卷中", "Staged"),
        ParcelState.SEALED: Words("已封卷", "Sealed"),
    }
)
VOLUME_STATES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        VolumeState.OPEN: Words("组卷中", "Open"),
        VolumeState.SEALED: Words("已封卷", "Sealed"),
        VolumeState.WRITTEN: Words("已写副本", "Written"),
        VolumeState.SAFE: Words("异地已备", "Safe"),
        VolumeState.DUE: Words("待检查", "Due for a check"),
        VolumeState.DESTROYED: Words("已销毁", "Destroyed"),
    }
)
COPY_STATES: Final[Mapping[str, Words]] = MappingProxyType(
    {
        CopyState.WRITTEN: Words("已写入", "Written"),
        CopyState.VERIFIED: Words("已校验", "Verified"),
        CopyState.SHELVED: Words("已上架", "Shelved"),
        CopyState.LENT: Words("已借出", "Lent"),
        CopyState.SUSPECT: Words("可疑", "Suspect"),
        CopyState.RETIRED: Words("已停用", "Retired"),
    }
)
