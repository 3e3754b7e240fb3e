"""The words of deliveries: channels, events, states, and why one did not arrive."""

from enum import StrEnum


class Channel(StrEnum):
    WEBHOOK = "webhook"
    WECOM = "wecom"  # 企业微信群机器人
    DINGTALK = "dingtalk"  # 钉钉自定义机器人
    FEISHU = "feishu"  # 飞书自定义机器人
    EMAIL = "email"
    SMS = "sms"
    WEB_PUSH = "web_push"  # a browser in which somebody has switched it on
    APPRISE = "apprise"  # whatever else an operator adds, as well as it goes


ROBOTS = frozenset({Channel.WECOM, Channel.DINGTALK, Channel.FEISHU})
# Their messages carry a signature, made with a secret of their own.
SIGNED_ROBOTS = frozenset({Channel.DINGTALK, Channel.FEISHU})
# They are quiet at night.
RINGING = ROBOTS | {Channel.SMS, Channel.WEB_PUSH, Channel.APPRISE}
# They know no repeat by its id, so there is one at most.
REPEATED_ONCE = RINGING - {Channel.WEB_PUSH}
# Many that wait become one message.
DIGESTED = ROBOTS | {Channel.WEB_PUSH, Channel.APPRISE}
# To a person, by an address of theirs.
PERSONAL = frozenset({Channel.EMAIL, Channel.SMS})


class Audience(StrEnum):
    """Who reads a target."""

    AUTHORITY = "authority"  # 监管人员
    SHOP = "shop"  # 餐饮单位
    PARTNER = "partner"  # 教育/其他部门


class Event(StrEnum):
    CASE_OPENED = "case.opened"
    CASE_CONFIRMED = "case.confirmed"
    CASE_DISMISSED = "case.dismissed"
    CASE_MERGED = "case.merged"
    CASE_RECORDED = "case.recorded"
    CASE_ISSUED = "case.issued"
    CASE_ACKNOWLEDGED = "case.acknowledged"
    CASE_REFUSED = "case.refused"
    CASE_APPEALED = "case.appealed"
    CASE_APPEAL_REJECTED = "case.appeal_rejected"
    CASE_SUBMITTED = "case.submitted"
    CASE_RETURNED = "case.returned"
    CASE_ON_SITE = "case.on_site"
    CASE_WITHDRAWN = "case.withdrawn"
    CASE_CLOSED = "case.closed"
    CASE_TRANSFERRED = "case.transferred"
    CASE_EXTENDED = "case.extended"
    CASE_DUE_SOON = "case.due_soon"
    CASE_OVERDUE = "case.overdue"
    CASE_ESCALATED = "case.escalated"
    TARGET_DEAD = "target.dead"
    LINK_ASKED = "link.asked"  # somebody of a shop wants a link of their own
    TEST = "test"


# Each costs money, and a number takes 50 a day.
SMS_EVENTS = frozenset({Event.CASE_ISSUED, Event.CASE_DUE_SOON, Event.CASE_OVERDUE})
# Before its notice a case is a clue, or the authority's own matter.
_INSIDE = frozenset({Event.CASE_OPENED, Event.CASE_CONFIRMED, Event.CASE_DISMISSED, Event.CASE_MERGED})
# What a person has asked for just now; it rings at night too.
ASKED_FOR = frozenset({Event.LINK_ASKED, Event.TEST})
CASE_EVENTS = frozenset(Event) - {Event.TARGET_DEAD} - ASKED_FOR
EVENTS_OF: dict[Audience, frozenset[Event]] = {
    Audience.AUTHORITY: CASE_EVENTS | {Event.TARGET_DEAD},
    Audience.SHOP: CASE_EVENTS - _INSIDE,
    Audience.PARTNER: CASE_EVENTS - _INSIDE,
}


class TargetState(StrEnum):
    WORKING = "working"
    FAILING = "failing"  # the last try failed
    DEAD = "dead"  # nothing more is sent before a person has looked
    OFF = "off"


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Fault(StrEnum):
    """Why a try did not arrive, or may not have."""

    ADDRESS_REFUSED = "address_refused"  # it lies in a network that is not allowed
    NO_SUCH_NAME = "no_such_name"
    CANNOT_CONNECT = "cannot_connect"
    NO_ANSWER = "no_answer"  # connected, and no whole answer in time
    REDIRECT = "redirect"
    HTTP_STATUS = "http_status"
    GONE = "gone"  # 410
    PROGRAM_REVOKED = "program_revoked"  # whoever got it is trusted no longer, for good
    SERVICE_ERROR = "service_error"  # a robot's service answered 200 with an error code in the body
    TOO_FAST = "too_fast"  # a limit of the service
    WRONG_SETTINGS = "wrong_settings"  # key, secret, keyword or address list of the robot, or our key for Web Push
    KEY_MISSING = "key_missing"  # its secrets cannot be read
    NOT_SET_UP = "not_set_up"  # the centre's own settings for the channel are missing, or refused
    NO_SUCH_RECIPIENT = "no_such_recipient"
    NO_WORDS = "no_words"  # its data are not as they should be: to try again would end in the same way
    INTERRUPTED = "interrupted"  # the process ended before the answer was recorded


SERIOUS = 1  # 严重: the class of a rule that wakes people up
