"""Who may do what: one table. What a role sees of it (all, a district, a shop) is the scope of the account."""

from enum import StrEnum


class Role(StrEnum):
    REVIEWER = "reviewer"  # 审核员
    OFFICER = "officer"  # 监管所执法人员
    CHIEF = "chief"  # 所长/餐饮科负责人
    BUREAU = "bureau"  # 局领导/办公室
    STORE_ADMIN = "store_admin"  # 食品安全员
    STORE_OWNER = "store_owner"  # 负责人/法定代表人
    INSTALLER = "installer"  # 接入运维
    AUDITOR = "auditor"  # 审计
    ADMIN = "admin"  # 平台管理员
    PARTNER = "partner"  # 教育/其他部门


class Permission(StrEnum):
    CASES_READ = "cases.read"
    CASES_JUDGE = "cases.judge"
    CASES_HANDLE = "cases.handle"  # notices, verification, visits
    CASES_DECIDE = "cases.decide"  # appeals, withdrawals, reopening, turning over
    CASES_ANSWER = "cases.answer"  # for the shop
    STATISTICS_READ = "statistics.read"  # how the authority's work goes, false alarms included
    EVIDENCE_BLURRED = "evidence.blurred"  # without faces
    EVIDENCE_READ = "evidence.read"  # with faces: in the review, afterwards for a reason
    EVIDENCE_KEEP = "evidence.keep"  # legal hold, and deletion before its time
    PLACES_READ = "places.read"
    PLACES_WRITE = "places.write"
    CAMERAS_READ = "cameras.read"
    CAMERAS_WRITE = "cameras.write"
    CAMERAS_ADD = "cameras.add"  # those that the shop's edge has seen; neither zones nor switching off
    EDGES_READ = "edges.read"
    EDGES_WRITE = "edges.write"
    EDGES_APPROVE = "edges.approve"
    ACCOUNTS_WRITE = "accounts.write"
    AUDIT_READ = "audit.read"
    DELIVERIES_READ = "deliveries.read"
    DELIVERIES_RESEND = "deliveries.resend"
    TARGETS_WRITE = "targets.write"
    CLIENTS_WRITE = "clients.write"


P = Permission
_STAFF = {P.CASES_READ, P.STATISTICS_READ, P.EVIDENCE_BLURRED, P.EVIDENCE_READ, P.PLACES_READ, P.CAMERAS_READ, P.EDGES_READ}
# A shop and a partner see a case from its notice on (an AI finding is a clue), and no face.
_OUTSIDE = {P.CASES_READ, P.EVIDENCE_BLURRED, P.PLACES_READ}
# Whoever answers for a shop says which edge box is given its camera passwords; who connects the box does not.
_APPROVING = {P.EDGES_READ, P.EDGES_APPROVE}
# An officer answers for a shop that cannot (代办); then another officer verifies.
_HANDLING = {P.CASES_JUDGE, P.CASES_HANDLE, P.CASES_ANSWER}
# Who is to be told must be able to see that a message has not arrived.
_TELLING = {P.DELIVERIES_READ, P.DELIVERIES_RESEND}
_TECHNICAL = {P.PLACES_READ, P.PLACES_WRITE, P.CAMERAS_READ, P.CAMERAS_WRITE, P.CAMERAS_ADD, P.EDGES_READ, P.EDGES_WRITE}
# Other systems: where messages go to, and whose programs may ask.
_SYSTEMS = {P.TARGETS_WRITE, P.CLIENTS_WRITE}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.REVIEWER: frozenset(_STAFF | {P.CASES_JUDGE}),
    Role.OFFICER: frozenset(_STAFF | _APPROVING | _HANDLING | _TELLING),
    Role.CHIEF: frozenset(_STAFF | _APPROVING | _HANDLING | _TELLING | {P.CASES_DECIDE, P.EVIDENCE_KEEP}),
    Role.BUREAU: frozenset(_STAFF | {P.DELIVERIES_READ, P.EVIDENCE_KEEP}),
    Role.STORE_ADMIN: frozenset(_OUTSIDE | _APPROVING | {P.CAMERAS_READ, P.CAMERAS_ADD, P.CASES_ANSWER}),
    Role.STORE_OWNER: frozenset(_OUTSIDE | _APPROVING | {P.CAMERAS_READ, P.CAMERAS_ADD, P.CASES_ANSWER}),
    Role.INSTALLER: frozenset(_TECHNICAL),
    Role.AUDITOR: frozenset({P.AUDIT_READ}),
    Role.ADMIN: frozenset(_TECHNICAL | _APPROVING | _TELLING | _SYSTEMS | {P.ACCOUNTS_WRITE, P.AUDIT_READ}),
    Role.PARTNER: frozenset(_OUTSIDE),
}

STORE_ROLES = frozenset({Role.STORE_ADMIN, Role.STORE_OWNER})
OUTSIDE_ROLES = STORE_ROLES | {Role.PARTNER}


def permissions_of(role: Role, is_admin: bool) -> frozenset[Permission]:
    """`is_admin` adds the work of the platform administrator to another role: the first account of a small installation is
    officer and administrator in one person."""
    return PERMISSIONS[role] | (PERMISSIONS[Role.ADMIN] if is_admin else frozenset())
