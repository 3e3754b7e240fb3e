"""The keys of the review queue: the one table that is printed on the page, and that review.js binds as it is printed."""

from dataclasses import dataclass

from api.console.i18n import N_


@dataclass(frozen=True)
class Key:
    """`act` is what review.js does, `keys` are values of KeyboardEvent.key in lower case, `caps` what is printed for them."""

    act: str
    keys: tuple[str, ...]
    caps: tuple[str, ...]
    words: str


KEYS = (
    Key("next", ("j", "arrowright"), ("J", "→"), N_("Next case")),
    Key("previous", ("k", "arrowleft"), ("K", "←"), N_("Previous case")),
    Key("violation", ("1",), ("1",), N_("Violation")),
    Key("not_a_violation", ("2",), ("2",), N_("Not a violation")),
    Key("cannot_tell", ("3",), ("3",), N_("Cannot tell")),
    Key("notice", ("n",), ("N",), N_("Violation, and issue the notice")),
    Key("merge", ("m",), ("M",), N_("Merge the selected cases into this one")),
    Key("undo", ("u",), ("U",), N_("Take the last judgement back (10 seconds)")),
    Key("select", ("x",), ("X",), N_("Select this case")),
    Key("select_range", ("shift+x",), ("Shift+X",), N_("Select up to this case")),
    Key("select_all", ("ctrl+a", "meta+a"), ("Ctrl+A",), N_("Select all; once more for none")),
    Key("full", ("f",), ("F",), N_("Full picture")),
    Key("boxes", ("b",), ("B",), N_("Boxes on or off")),
    Key("play", (" ",), ("Space",), N_("Play the clip")),
    Key("keys", ("?", "？"), ("?",), N_("Show these keys")),
    Key("close", ("escape",), ("Esc",), N_("Close; select none")),
)

# What is printed beside a button that does the same.
CAPS = {key.act: key.caps[0] for key in KEYS}
