"""Why a request is refused: coded reasons, in words, with what to do next.

Rule 1.  There is no refusal without a coded reason: `Refusal` can't be made of none.
Rule 2.  A refusal names every obstacle at once, and for each what to do about it, in English and in
         Chinese: nobody has to ask twice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXT_BYTES_MAX: Final = 160
"""Of what a terminal is told in DE 63."""


class Code(StrEnum):
    """The reasons that there are."""

    NO_PERMISSION = "P1"
    OPEN_CHARGES = "P2"
    UNSETTLED_BATCH = "P3"
    REVERSAL_PENDING = "P4"
    CONTRACT_TERM = "P5"
    OUTSIDE_WINDOW = "P6"
    DOCUMENTS_MISSING = "P7"
    SYNC_PENDING = "P8"
    NOT_VERIFIED = "P9"
    LOCKED = "P10"
    CARD_INVALID = "P11"
    CARD_KIND = "P12"
    HOLDER_DIFFERS = "P13"
    SOFTWARE_TOO_OLD = "P14"
    DEVICE_FAULT = "P15"
    CLOCK_SKEW = "P16"
    REGULATION = "P17"
    DUPLICATE = "P18"
    NOT_CAPABLE = "P19"
    NO_AGREEMENT = "P20"
    REVIEW_FAILED = "P21"


class Language(StrEnum):
    """What people are told in."""

    ENGLISH = "en"
    CHINESE = "zh"


class Words(NamedTuple):
    """One text in every language."""

    en: str
    zh: str

    def say(self, language: Language) -> str:
        """The text in one of them."""
        return self.zh if language is Language.CHINESE else self.en


class Meaning(NamedTuple):
    """What a code says, and what to do next."""

    what: Words
    next: Words


_C = Code
MEANING: Final[dict[Code, Meaning]] = {
    _C.NO_PERMISSION: Meaning(
        Words("no permission", "权限不足"),
        Words("Ask a supervisor for a time-limited grant.", "请向主管申请限时授权。"),
    ),
    _C.OPEN_CHARGES: Meaning(
        Words("open transactions or cases", "有未完成交易"),
        Words(
            "Wait for open transactions, or have their cases decided.", "请等待交易完成或处理案件。"
        ),
    ),
    _C.UNSETTLED_BATCH: Meaning(
        Words("batch not settled", "批次未结算"),
        Words("Settle the batch at the terminal (0500).", "请在终端执行批结算。"),
    ),
    _C.REVERSAL_PENDING: Meaning(
        Words("reversal not finished", "冲正未完成"),
        Words("Wait until the host acknowledges the reversal.", "请等待主机确认冲正。"),
    ),
    _C.CONTRACT_TERM: Meaning(
        Words("contract term not over", "合同未到期"),
        Words("Wait for its end, or ask for an early end.", "请等待到期或申请提前终止。"),
    ),
    _C.OUTSIDE_WINDOW: Meaning(
        Words("outside acceptance hours", "非受理时间"),
        Words(
            "Ask again when it opens; a request waits by itself.",
            "请在受理时间内再试, 申请将自动等待。",
        ),
    ),
    _C.DOCUMENTS_MISSING: Meaning(
        Words("documents missing", "材料缺失"),
        Words("Hand the named documents in, then resume.", "请补交所列材料后继续。"),
    ),
    _C.SYNC_PENDING: Meaning(
        Words("data being synchronised", "数据同步中"),
        Words("Wait; the request goes on by itself.", "请稍候, 申请将自动继续。"),
    ),
    _C.NOT_VERIFIED: Meaning(
        Words("verification missing", "验证未通过"),
        Words(
            "Enquire for a confirm token and pass the named checks.",
            "请先查询获取确认码并完成验证。",
        ),
    ),
    _C.LOCKED: Meaning(
        Words("account locked", "账户锁定"),
        Words("Ask the acquirer to review and lift the lock.", "请联系收单机构审核解锁。"),
    ),
    _C.CARD_INVALID: Meaning(
        Words("card number invalid", "卡号无效"),
        Words("Check the card number and enter it again.", "请核对卡号后重新输入。"),
    ),
    _C.CARD_KIND: Meaning(
        Words("card kind not allowed", "卡种不符"),
        Words("Use a card of a kind that the rules allow.", "请更换符合规定的卡。"),
    ),
    _C.HOLDER_DIFFERS: Meaning(
        Words("holder or data differ", "户名或信息不符"),
        Words("Check the named field against the registered data.", "请核对所列字段与登记信息。"),
    ),
    _C.SOFTWARE_TOO_OLD: Meaning(
        Words("terminal software too old", "终端版本过低"),
        Words(
            "Update the terminal, or ask through the acquirer.", "请升级终端或通过收单机构办理。"
        ),
    ),
    _C.DEVICE_FAULT: Meaning(
        Words("device fault or test not passed", "硬件故障或测试未通过"),
        Words("Have it repaired and pass the tests.", "请维修并通过测试。"),
    ),
    _C.CLOCK_SKEW: Meaning(
        Words("terminal clock wrong", "时间不正确"),
        Words("Set date and time: sign in again.", "请重新签到校准时间。"),
    ),
    _C.REGULATION: Meaning(
        Words("a rule forbids it", "监管要求"),
        Words("See the named rule; ask the acquirer.", "请查阅所列规定并联系收单机构。"),
    ),
    _C.DUPLICATE: Meaning(
        Words("duplicate or out of turn", "重复申请或步骤不符"),
        Words(
            "See the request that is under way; do its next step.",
            "请查看办理中的申请并按步骤进行。",
        ),
    ),
    _C.NOT_CAPABLE: Meaning(
        Words("the terminal can't do that", "终端不支持"),
        Words(
            "Use another terminal, or ask through the acquirer.", "请更换终端或通过收单机构办理。"
        ),
    ),
    _C.NO_AGREEMENT: Meaning(
        Words("agreement not signed", "未签约"),
        Words("Sign the agreement, then resume.", "请签约后继续。"),
    ),
    _C.REVIEW_FAILED: Meaning(
        Words("review not passed", "资质未通过"),
        Words("Mend what the reviewer named, or appeal.", "请按审核意见整改或申诉。"),
    ),
}


class Obstacle(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason, with what it is about."""

    code: Code
    about: str = ""
    """What exactly: names, numbers, dates; no card data."""
    until: float = 0.0
    """When it ends by itself, where that is known."""
    count: int = 0
    amount: int = 0
    """Minor units."""

    def say(self, language: Language) -> str:
        """The reason in words."""
        what = MEANING[self.code].what.say(language)
        return f"{what}: {self.about}" if self.about else what


class Refusal:
    """A no.  Raises ValueError without a coded reason."""

    def __init__(self, obstacles: Iterable[Obstacle]) -> None:
        self.obstacles = tuple(sorted(obstacles, key=_in_order))
        if not self.obstacles:
            message = "a refusal needs a coded reason"
            raise ValueError(message)

    @classmethod
    def of(cls, code: Code, about: str = "", **more: float) -> Refusal:
        """A refusal for one reason."""
        return cls([msgspec.convert({"code": code, "about": about, **more}, Obstacle)])

    @property
    def codes(self) -> str:
        """`P2,P3`, each once."""
        return codes_of(self.obstacles)


def _in_order(obstacle: Obstacle) -> int:
    return int(obstacle.code[1:])


def codes_of(obstacles: Iterable[Obstacle]) -> str:
    """The codes of obstacles, each once, in their order."""
    return ",".join(dict.fromkeys(each.code for each in sorted(obstacles, key=_in_order)))


def advice(obstacles: Iterable[Obstacle], language: Language) -> list[str]:
    """What to do next, a sentence for each code, each once."""
    codes = dict.fromkeys(each.code for each in obstacles)
    return [MEANING[code].next.say(language) for code in codes]


def fitted(sentences: Iterable[str], language: Language, bytes_max: int = TEXT_BYTES_MAX) -> str:
    """As many of the sentences, whole, as fit into so many bytes: ASCII, or GBK for Chinese."""
    told = ""
    for sentence in sentences:
        longer = f"{told} {sentence}" if told and language is Language.ENGLISH else told + sentence
        if len(encoded(longer, language)) > bytes_max:
            break
        told = longer
    return told


def encoded(text: str, language: Language) -> bytes:
    """The bytes of a text on the wire."""
    return text.encode("gbk" if language is Language.CHINESE else "ascii", "replace")
