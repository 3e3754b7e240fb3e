"""What a token opens: one table. An operation that is not in it no token opens; the OpenAPI document is made from it too."""

from enum import StrEnum

from api.accounts.permissions import Permission


class Scope(StrEnum):
    CASES_READ = "cases:read"
    EVIDENCE_READ = "evidence:read"
    SHOPS_READ = "shops:read"
    CAMERAS_READ = "cameras:read"
    STATISTICS_READ = "statistics:read"
    CASES_ACT = "cases:act"
    EVIDENCE_UNBLUR = "evidence:unblur"


SUMMARIES: dict[Scope, str] = {
    Scope.CASES_READ: "cases, their history and notices, and what happens to them",
    Scope.EVIDENCE_READ: "pictures of cases, without faces",
    Scope.SHOPS_READ: "districts, shops and areas",
    Scope.CAMERAS_READ: "cameras, and when they were looked at",
    Scope.STATISTICS_READ: "figures",
    Scope.CASES_ACT: "act on cases, as a named person",
    Scope.EVIDENCE_UNBLUR: "pictures with faces, as a named person, each for a reason",
}
# A program that speaks for itself reads only: whoever acts, or looks at a face, has a name.
OF_PERSONS = frozenset({Scope.CASES_ACT, Scope.EVIDENCE_UNBLUR})

P = Permission
PERMISSIONS: dict[Scope, frozenset[Permission]] = {
    Scope.CASES_READ: frozenset({P.CASES_READ}),
    Scope.EVIDENCE_READ: frozenset({P.CASES_READ, P.EVIDENCE_BLURRED}),
    Scope.SHOPS_READ: frozenset({P.PLACES_READ}),
    Scope.CAMERAS_READ: frozenset({P.CAMERAS_READ}),
    Scope.STATISTICS_READ: frozenset({P.CASES_READ, P.CAMERAS_READ}),
    Scope.CASES_ACT: frozenset({P.CASES_READ, P.CASES_JUDGE, P.CASES_HANDLE, P.CASES_DECIDE, P.CASES_ANSWER}),
    Scope.EVIDENCE_UNBLUR: frozenset({P.CASES_READ, P.EVIDENCE_BLURRED, P.EVIDENCE_READ}),
}

_PICTURES = (Scope.EVIDENCE_READ, Scope.EVIDENCE_UNBLUR)
# Operation ids, and the scopes of which a token must have one.
OPERATIONS: dict[str, tuple[Scope, ...]] = {
    "get_me": tuple(Scope),
    **dict.fromkeys(("list_cases", "get_case", "get_notice", "get_notice_pdf"), (Scope.CASES_READ,)),
    **dict.fromkeys(("list_events", "follow_events"), (Scope.CASES_READ,)),
    **dict.fromkeys(("act_on_case", "answer_notice"), (Scope.CASES_ACT,)),
    **dict.fromkeys(("get_evidence_file", "link_evidence"), _PICTURES),
    "get_statistics": (Scope.STATISTICS_READ,),
    "get_photograph": (Scope.EVIDENCE_UNBLUR, Scope.CASES_ACT),
    **dict.fromkeys(("list_districts", "list_shops", "get_shop", "list_areas"), (Scope.SHOPS_READ,)),
    **dict.fromkeys(("get_shop_status", "get_badge"), (Scope.SHOPS_READ,)),
    **dict.fromkeys(("list_cameras", "get_camera", "list_camera_minutes"), (Scope.CAMERAS_READ,)),
}


def permissions_of(scopes: frozenset[Scope]) -> frozenset[Permission]:
    return frozenset[Permission]().union(*(PERMISSIONS[scope] for scope in scopes))
