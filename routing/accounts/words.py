"""The story of a request in words that a support person can read out, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routing.accounts.refusals import MEANING, Code, Language, Words

if TYPE_CHECKING:
    from routing.accounts.machine import Machine
    from routing.accounts.request import Line

GATEWAY: Final = Words("the gateway", "网关")
WHAT: Final[dict[str, Words]] = {
    "OPENED": Words("asked for it", "提出申请"),
    "PASSED": Words("found nothing against it", "预检通过"),
    "OBSTRUCTED": Words("found obstacles", "发现障碍"),
    "LOOKED": Words("looked again at what stands against it", "重新检查障碍"),
    "RESUMED": Words("had it go on", "继续办理"),
    "HANDED IN": Words("handed documents in", "补交材料"),
    "MARKED": Words("gave marks", "评分"),
    "VERIFIED": Words("checked the applicant", "核实申请人"),
    "APPROVAL": Words("agreed; more must", "同意, 仍需他人同意"),
    "APPROVED": Words("approved it", "批准"),
    "REJECTED": Words("rejected it", "拒绝"),
    "COUNTERED": Words("made a counter-proposal", "提出协商方案"),
    "ACCEPTED": Words("accepted the proposal", "接受方案"),
    "WITHDRAWN": Words("took it back", "撤回申请"),
    "APPEALED": Words("appealed", "提出申诉"),
    "UPHELD": Words("upheld the refusal", "维持拒绝"),
    "OVERTURNED": Words("overturned the refusal", "撤销拒绝"),
    "BEGUN": Words("stopped new business", "停止新交易"),
    "WAITS": Words("waits for what is open", "等待未完成事项"),
    "BATCH SETTLED": Words("settled the batch by hand", "手工结算批次"),
    "DRAINED": Words("saw the last open charge end", "交易全部完成"),
    "SETTLED": Words("saw the batch settled", "批次已结算"),
    "CLEARED": Words("saw nothing open any more", "确认无未完成事项"),
    "BACKED_UP": Words("backed its transactions up and compared", "备份交易并核对"),
    "KEYS REVOKED": Words("revoked keys", "吊销密钥"),
    "NEEDS TMK": Words("waits for another TMK", "等待装载新主密钥"),
    "STEP_FAILED": Words("could not do a step", "步骤失败"),
    "SUSPENDED": Words("suspended it at once", "立即暂停"),
    "REPAIR_BEGUN": Words("began the repair", "开始维修"),
    "REMEDY_BEGUN": Words("began to mend the violation", "开始整改"),
    "TEST": Words("saw a test passed", "测试项通过"),
    "TEST CHARGE": Words("made a test charge", "测试交易"),
    "TEST DECLINED": Words(
        "saw the test charge declined: another one is needed", "测试交易被拒绝, 请重试"
    ),
    "REPAIRED": Words("finished the repair", "维修完成"),
    "CAUSE_LIFTED": Words("saw the cause gone", "原因已消除"),
    "TESTED": Words("saw every test passed", "测试全部通过"),
    "TEST_FAILED": Words("saw a test fail", "测试未通过"),
    "SUPERSEDED": Words("came back by a new application", "重新申请后恢复"),
    "RETIRED": Words("retired it", "报废"),
    "SHIPPED": Words("shipped the device", "寄出设备"),
    "REGISTERED": Words("registered it", "完成注册"),
    "SIGNED_IN": Words("saw its first sign-in", "首次签到"),
    "ABANDONED": Words("gave it up, nobody went on", "长期无人办理而中止"),
    "PAPERS_MISSING": Words("missed documents", "材料缺失"),
    "CARD_REFUSED": Words("refused the card", "卡片不符"),
    "NEW CARD": Words("handed another card in", "更换卡片"),
    "SENT_TO_BANK": Words("put it on its way to the bank", "发送银行"),
    "SYNC_FAILED": Words("had no answer of the bank", "银行未应答"),
    "SYNCED": Words("has the bank's word for it", "银行已确认"),
    "BANK_REFUSED": Words("was told no by the bank", "银行拒绝"),
    "CUT_OVER": Words("saw the cut-over", "日切生效"),
    "PAYOUT CHECKED": Words("looked at a payout that was held", "核查暂缓结算"),
    "ANSWERED": Words("answered", "答复"),
    "ENDED": Words("ended it", "结束"),
    "reminder": Words("reminded its owner", "提醒责任人"),
    "overdue": Words("told the supervisor that it is overdue", "逾期上报主管"),
}


def told(line: Line, machine: Machine, language: Language) -> str:
    """One line of a story, without its time."""
    who = line.who or GATEWAY.say(language)
    words = WHAT.get(line.what)
    what = words.say(language) if words is not None else line.what.lower()
    place = machine.places.get(line.state)
    text = f"{who}: {what}" if language is Language.CHINESE else f"{who} {what}"
    if place is not None:
        text += f" -> {place.title.say(language)}"
    if line.codes:
        text += f" ({', '.join(_meaning(code, language) for code in line.codes.split(','))})"
    return f"{text}; {line.remark}" if line.remark else text


def _meaning(code: str, language: Language) -> str:
    return f"{code} {MEANING[Code(code)].what.say(language)}"


def both(words: Words) -> dict[str, Any]:
    """A text in each language, as data."""
    return {language.value: words.say(language) for language in Language}
