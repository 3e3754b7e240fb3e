"""With which words a message begins, by what it tells."""

from api.cases.tables import Level, Stage
from api.deliveries.kinds import Event
from contract.catalogue import Text

HEADS: dict[Event, Text] = {
    Event.CASE_OPENED: Text(zh="【待审核】AI 线索，须经人工审核", en="[To judge] A finding by AI, until a person confirms it"),
    Event.CASE_CONFIRMED: Text(zh="【已确认】待下发整改告知", en="[Confirmed] A notice is to be issued"),
    Event.CASE_DISMISSED: Text(zh="【不予处理】", en="[Dismissed]"),
    Event.CASE_MERGED: Text(zh="【已并入其他案件】", en="[Merged into another case]"),
    Event.CASE_RECORDED: Text(zh="【仅记录】", en="[Recorded only]"),
    Event.CASE_ISSUED: Text(zh="【整改告知】请签收并整改", en="[Notice] Please sign for it and put it right"),
    Event.CASE_ACKNOWLEDGED: Text(zh="【已签收】", en="[Signed for]"),
    Event.CASE_REFUSED: Text(zh="【单位拒收告知】", en="[Notice refused by the shop]"),
    Event.CASE_APPEALED: Text(zh="【陈述申辩】待决定", en="[Objection] To be decided"),
    Event.CASE_APPEAL_REJECTED: Text(
        zh="【申辩不成立】告知有效，请继续整改", en="[Objection rejected] The notice stands; please put it right"
    ),
    Event.CASE_SUBMITTED: Text(zh="【已提交整改】待复核", en="[Reported as put right] To be verified"),
    Event.CASE_RETURNED: Text(zh="【退回】请继续整改", en="[Returned] Please go on putting it right"),
    Event.CASE_ON_SITE: Text(zh="【现场核查】", en="[Check on site]"),
    Event.CASE_WITHDRAWN: Text(zh="【告知已撤销】", en="[Notice withdrawn]"),
    Event.CASE_CLOSED: Text(zh="【已销号】", en="[Closed]"),
    Event.CASE_TRANSFERRED: Text(zh="【转执法】", en="[Turned over to enforcement]"),
    Event.CASE_EXTENDED: Text(zh="【已延期】", en="[More time given]"),
    Event.CASE_DUE_SOON: Text(zh="【提醒】期限已过半", en="[Reminder] Half of the time is over"),
    Event.CASE_OVERDUE: Text(zh="【逾期】", en="[Overdue]"),
    Event.CASE_ESCALATED: Text(zh="【逾期上报】", en="[Overdue, gone up]"),
    Event.LINK_ASKED: Text(zh="【本人链接】仅供您本人打开，请勿转发", en="[Your own link] For you alone; do not pass it on"),
    Event.TEST: Text(zh="【测试】收到这条消息，说明通知能送达。", en="[Test] If you read this, messages arrive here."),
    Event.TARGET_DEAD: Text(zh="【通知目标失效】", en="[Target out of order]"),
}
LEVELS: dict[Level, Text] = {
    Level.STATION: Text(zh="监管所", en="to the station"),
    Level.BUREAU: Text(zh="市场监管局", en="to the bureau"),
    Level.TALK: Text(zh="约谈", en="for a talk"),
}
# What a limit is for; the shop's own needs no word.
UNTIL = Text(zh="期限 {time}", en="until {time}")
LIMITS: dict[Stage, Text] = {
    Stage.REVIEW: Text(zh="审核期限 {time}", en="to be judged by {time}"),
    Stage.NOTICE: Text(zh="下发期限 {time}", en="notice to be issued by {time}"),
    Stage.VERIFY: Text(zh="复核期限 {time}", en="to be verified by {time}"),
    Stage.DECIDE: Text(zh="申辩决定期限 {time}", en="objection to be decided by {time}"),
    Stage.VISIT: Text(zh="现场核查期限 {time}", en="to be checked on site by {time}"),
}
# Of these the shop wants to know until when it has time to put things right.
TELL_THE_TIME = frozenset(
    {Event.CASE_ISSUED, Event.CASE_ACKNOWLEDGED, Event.CASE_APPEAL_REJECTED, Event.CASE_RETURNED, Event.CASE_EXTENDED}
)
TELL_THE_LIMIT = frozenset({Event.CASE_DUE_SOON, Event.CASE_OVERDUE, Event.CASE_ESCALATED})
