"""The names of the states of mandates, batches and lines in both languages, as the glossary has them.

Data only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from collection.plan import LeftOut
from collection.rules.states import BatchState, LineState, MandateState
from office.reports.wording import Words

MANDATE_STATES: Final[Mapping[MandateState, Words]] = MappingProxyType(
    {
        MandateState.DRAFT: Words("草稿", "Draft"),
        MandateState.SENT: Words("待银行确认", "Sent"),
        MandateState.ACTIVE: Words("有效", "Active"),
        MandateState.SUSPENDED: Words("暂停", "Suspended"),
        MandateState.CANCELLED: Words("已终止", "Cancelled"),
        MandateState.EXPIRED: Words("已到期", "Expired"),
        MandateState.REFUSED: Words("银行拒绝", "Refused"),
    }
)
BATCH_STATES: Final[Mapping[BatchState, Words]] = MappingProxyType(
    {
        BatchState.PLANNED: Words("已编制", "Planned"),
        BatchState.HELD: Words("已锁定", "Held"),
        BatchState.APPROVED: Words("已复核", "Approved"),
        BatchState.WRITTEN: Words("已出盘", "Written"),
        BatchState.SENT: Words("已送盘", "Sent"),
        BatchState.ACCEPTED: Words("银行已收", "Accepted"),
        BatchState.REFUSED_WHOLE: Words("整批退回", "Refused whole"),
        BatchState.ANSWERED: Words("已回盘", "Answered"),
        BatchState.APPLIED: Words("已入账", "Applied"),
        BatchState.SETTLED: Words("已清算", "Settled"),
        BatchState.CLOSED: Words("已结束", "Closed"),
        BatchState.CANCELLED: Words("已取消", "Cancelled"),
    }
)
LINE_STATES: Final[Mapping[LineState, Words]] = MappingProxyType(
    {
        LineState.PLANNED: Words("已编制", "Planned"),
        LineState.HELD: Words("已锁定", "Held"),
        LineState.SENT: Words("已送盘", "Sent"),
        LineState.UNKNOWN: Words("结果不明", "Unknown"),
        LineState.RELEASED: Words("强制解锁", "Released"),
        LineState.DONE: Words("成功", "Done"),
        LineState.FAILED: Words("失败", "Failed"),
        LineState.RETURNED: Words("已退回", "Returned"),
        LineState.MISFIT: Words("无法入账", "Misfit"),
        LineState.DROPPED: Words("已撤出", "Dropped"),
    }
)
LEFT_OUT: Final[Mapping[LeftOut, Words]] = MappingProxyType(
    {
        LeftOut.NO_ATTEMPT: Words("不再扣款", "No further attempt"),
        LeftOut.LATER: Words("日期未到", "Later date"),
        LeftOut.GRACE: Words("宽限期将满", "Grace ends"),
        LeftOut.LIMIT: Words("超出授权限额", "Above the mandate's limit"),
        LeftOut.CHANNEL_LIMIT: Words("超出渠道限额", "Above the channel's limit"),
        LeftOut.TERM: Words("不在授权期限内", "Outside the mandate's term"),
        LeftOut.PERIOD: Words("本扣款周期已扣", "Within the mandate's period"),
    }
)
