"""What the audit records, in words."""

from api.cases.states import Act
from api.console.i18n import N_
from api.console.words import EVENTS

ACTIONS: dict[str, str] = {
    "session.started": N_("Signed in"),
    "session.ended": N_("Signed out"),
    "session.refused": N_("Sign-in refused"),
    "user.created": N_("Account made"),
    "user.password_reset": N_("Password of an account set anew"),
    "user.disabled": N_("Account disabled"),
    "user.enabled": N_("Account enabled again"),
    "district.created": N_("District added"),
    "shop.created": N_("Shop added"),
    "shop.changed": N_("Shop changed"),
    "area.created": N_("Area added"),
    "area.changed": N_("Area changed"),
    "camera.created": N_("Camera added"),
    "camera.changed": N_("Camera changed"),
    "keys.rotated": N_("Stored credentials encrypted anew"),
    "enrolment_code.created": N_("Code for an edge box made"),
    "edge.enrolled": N_("Edge box joined"),
    "edge.approved": N_("Edge box approved"),
    "edge.revoked": N_("Edge box revoked"),
    "case.opened": N_("Case opened"),
    "case.observed": N_("Seen again, joined a case"),
    "spot.muted": N_("Spot muted for a rule"),
    "spot.lifted": N_("Muted spot lifted"),
    "evidence.read": N_("Looked at evidence"),
    "evidence.deleted": N_("Evidence deleted"),
    "hold.set": N_("Legal hold set"),
    "hold.lifted": N_("Legal hold lifted"),
    "target.created": N_("Target of messages added"),
    "target.changed": N_("Target of messages changed"),
    "target.secret_rotated": N_("New keys for a webhook made"),
    "target.tested": N_("Test message sent"),
    "target.dead": N_("Target of messages out of order"),
    "delivery.resent": N_("Message sent again by hand"),
    "audit.exported": N_("Audit exported"),
    # Steps of a case that only machines take are in the case's own history.
    **{f"case.{act}": words for act, words in EVENTS.items() if act not in (Act.REPORT, Act.QUEUE, Act.MUTE)},
}

OBJECTS: dict[str, str] = {
    "user": N_("Account"),
    "district": N_("District"),
    "shop": N_("Shop"),
    "area": N_("Area"),
    "camera": N_("Camera"),
    "keyring": N_("Key"),
    "edge": N_("Edge box"),
    "case": N_("Case"),
    "muted_spot": N_("Muted spot"),
    "target": N_("Target of messages"),
    "delivery": N_("Message"),
    "audit": N_("Audit"),
}

# What a detail is called; one that has no name here is shown under its own.
DETAILS: dict[str, str] = {
    "name": N_("Name"),
    "login": N_("Login"),
    "role": N_("Role"),
    "is_admin": N_("Administrator"),
    "failures": N_("Failures"),
    "shop": N_("Shop"),
    "password": N_("Password changed"),
    "secrets": N_("Credentials"),
    "approved": N_("Approved"),
    "violation": N_("Record"),
    "file": N_("File"),
    "digest": N_("Digest"),
    "faces": N_("Faces recognisable"),
    "rule": N_("Rule"),
    "case": N_("Case"),
    "reason_code": N_("Ground"),
    "first": N_("From No."),
    "last": N_("To No."),
}

ACTORS: dict[str, str] = {
    "person": N_("Person"),
    "edge": N_("Edge box"),
    "house": N_("Command line of the server"),
    "system": N_("The system"),
    "nobody": N_("Not signed in"),
}
