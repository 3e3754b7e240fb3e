"""What the audit records, in words."""

import re

from api.cases.states import Act
from api.console.case_words import CLIP_FLAWS, EVENTS, REASONS
from api.console.client_pages import SCOPES
from api.console.delivery_words import CHANNELS, FAULTS
from api.console.devices import device_words
from api.console.i18n import N_
from api.console.speech import Speaker
from api.console.status_pages import STATUSES
from api.console.words import ROLES

ACTIONS: dict[str, str] = {
    "session.started": N_("Signed in"),
    "session.ended": N_("Signed out"),
    "session.refused": N_("Sign-in refused"),
    "user.password_changed": N_("Own password changed"),
    "user.password_refused": N_("Current password typed wrongly"),
    "second_factor.on": N_("Second factor switched on"),
    "second_factor.off": N_("Second factor switched off"),
    "invitation.created": N_("Invitation made"),
    "invitation.withdrawn": N_("Invitation withdrawn"),
    "oidc.bound": N_("Account bound to the identity provider"),
    "user.created": N_("Account made"),
    "user.password_link": N_("Link to a new password made"),
    "user.post_changed": N_("Role or place of an account changed"),
    "user.shop_added": N_("One more shop taken on with an account"),
    "user.shop_removed": N_("Account taken out of a further shop"),
    "user.password_reset": N_("Password of an account set anew"),
    "user.disabled": N_("Account disabled"),
    "user.enabled": N_("Account enabled again"),
    "district.created": N_("District added"),
    "district.changed": N_("District changed"),
    "district.deleted": N_("District deleted"),
    "shop.created": N_("Shop added"),
    "shop.changed": N_("Shop changed"),
    "shop.accepted": N_("Connection of a shop accepted"),
    "shop.acceptance_withdrawn": N_("Acceptance of a shop taken back"),
    "shop.status_changed": N_("Public status of a shop changed"),
    "area.created": N_("Area added"),
    "area.changed": N_("Area changed"),
    "camera.created": N_("Camera added"),
    "camera.changed": N_("Camera changed"),
    "camera.tried": N_("Camera tried"),
    "cameras.searched": N_("Cameras looked for"),
    "camera.refused": N_("Camera not added: none is allowed there"),
    "keys.rotated": N_("Stored credentials encrypted anew"),
    "centre_key.created": N_("Signing key of the centre made"),
    "enrolment_code.created": N_("Code for an edge box made"),
    "edge.enrolled": N_("Edge box joined"),
    "edge.approved": N_("Edge box approved"),
    "edge.revoked": N_("Edge box revoked"),
    "alarm_box.created": N_("Shop's own box added"),
    "alarm_box.changed": N_("Cameras of a shop's own box changed"),
    "alarm_box.token_changed": N_("New token for a shop's own box made"),
    "alarm_box.revoked": N_("Shop's own box revoked"),
    "case.opened": N_("Case opened"),
    "case.observed": N_("Seen again, joined a case"),
    "spot.muted": N_("Spot muted for a rule"),
    "spot.lifted": N_("Muted spot lifted"),
    "evidence.read": N_("Looked at evidence"),
    "evidence.linked": N_("Link to a picture made"),
    "evidence.deleted": N_("Evidence deleted"),
    "clip.received": N_("Clip received"),
    "hold.set": N_("Legal hold set"),
    "hold.lifted": N_("Legal hold lifted"),
    "evidence.exported": N_("Evidence of a case exported"),
    "evidence.chain_exported": N_("Chain of evidence of a camera exported"),
    "target.created": N_("Target of messages added"),
    "target.changed": N_("Target of messages changed"),
    "target.secret_rotated": N_("New keys for a webhook made"),
    "target.tested": N_("Test message sent"),
    "target.deleted": N_("Target of messages deleted"),
    "target.dead": N_("Target of messages out of order"),
    "delivery.resent": N_("Message sent again by hand"),
    "client.created": N_("Program of another system added"),
    "client.secret_rotated": N_("New secret for a program made"),
    "client.revoked": N_("Program of another system revoked"),
    "client.agreed": N_("Let a program act in their name"),
    "client.consent_ended": N_("No longer lets a program act in their name"),
    "client.token_revoked": N_("Token of a program ended"),
    "client.token_reused": N_("Token of a program came a second time, all of it ended"),
    "photograph.read": N_("Looked at a photograph of an answer"),
    "photograph.deleted": N_("Photograph of an answer deleted"),
    "notice.issued": N_("Number given to a notice"),
    "order.drafted": N_("Formal order drafted"),
    "citation.accepted": N_("Citation accepted"),
    "citation.revoked": N_("Acceptance of a citation taken back"),
    "case.answered": N_("Answer of the shop kept"),
    "link.opened": N_("Link to a notice used for the first time"),
    "link.asked": N_("Link of one's own asked for"),
    "link.revoked": N_("Link to a notice revoked"),
    "audit.exported": N_("Audit exported"),
    # Steps of a case that only machines take are in the case's own history.
    **{f"case.{act}": words for act, words in EVENTS.items() if act not in (Act.REPORT, Act.QUEUE, Act.MUTE)},
}

OBJECTS: dict[str, str] = {
    "user": N_("Account"),
    "invitation": N_("Invitation"),
    "district": N_("District"),
    "shop": N_("Shop"),
    "area": N_("Area"),
    "camera": N_("Camera"),
    "keyring": N_("Key"),
    "centre_key": N_("Signing key"),
    "edge": N_("Edge box"),
    "alarm_box": N_("Shop's own box"),
    "case": N_("Case"),
    "muted_spot": N_("Muted spot"),
    "target": N_("Target of messages"),
    "delivery": N_("Message"),
    "client": N_("Program"),
    "citation": N_("Citation"),
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
    "reference": N_("Notice number"),
    "officers": N_("Officers"),
    "text": N_("Text"),
    "photographs": N_("Photographs"),
    "photograph": N_("Photograph"),
    "for_shop": N_("For the shop"),
    "client": N_("Through the program"),
    "client_id": N_("Its id"),
    "scopes": N_("May"),
    "status": N_("Status"),
    "device": N_("Device"),
    "by_hand": N_("By hand"),
    "others": N_("All others"),
    "invited_by": N_("Invited by"),
    "host": N_("Host"),
    "place": N_("Place shown"),
    "channel": N_("Channel"),
    "target": N_("Target of messages"),
    "targets": N_("Targets of messages"),
    "enabled": N_("Switched on"),
    "cameras": N_("Cameras"),
    "missing": N_("Missing, because"),
    "bytes": N_("Bytes"),
    "fault": N_("Reason"),
}

# Of details that are one or more of a few codes, what each code is called.
_CODES: dict[str, dict[str, str]] = {
    "role": {role.value: words for role, words in ROLES.items()},
    "reason_code": {reason.value: words for reason, words in REASONS.items()},
    "status": {status.value: tone.words for status, tone in STATUSES.items()},
    "channel": {channel.value: words for channel, words in CHANNELS.items()},
    "scopes": {scope.value: words for scope, words in SCOPES.items()},
    "missing": {flaw.value: words for flaw, words in CLIP_FLAWS.items()},
    "fault": {fault.value: words for fault, words in FAULTS.items()},
}
_DIGEST = re.compile("[0-9a-f]{64}")

ACTORS: dict[str, str] = {
    "person": N_("Person"),
    "edge": N_("Edge box"),
    "client": N_("Program"),
    "house": N_("Command line of the server"),
    "system": N_("The system"),
    "nobody": N_("Not signed in"),
}


def detail_words(name: str, value: object, speaker: Speaker) -> str:
    """Of a digest, as much as tells it from others: all of it is in the export."""
    if isinstance(value, bool):
        return speaker.say(N_("yes") if value else N_("no"))
    if isinstance(value, list):
        return speaker.say(N_("; ")).join(detail_words(name, one, speaker) for one in value)
    words = str(value)
    if name == "scopes" and " " in words:
        return detail_words(name, words.split(), speaker)
    if name == "device":
        return device_words(words, speaker)
    if words in (codes := _CODES.get(name, {})):
        return speaker.say(codes[words])
    return f"{words[:16]}…" if _DIGEST.fullmatch(words) else words
