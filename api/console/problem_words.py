"""What the page of an error says, and what to do."""

from api.console.i18n import N_

# Title and what to do, by code or else by HTTP status; 500 stands for every status without its own.
PROBLEMS: dict[str | int, tuple[str, str]] = {
    "from-another-site": (
        N_("Not carried out"),
        N_("This request came from another site. Open the page here again, then repeat what you wanted to do."),
    ),
    "rate-limited": (
        N_("Too fast"),
        N_("You have asked for more in a minute than one account may. Wait a few seconds, then do it again: it was not done."),
    ),
    "wrong-client": (
        N_("A program that is not known"),
        N_("The program that sent you here is not known, or wants you back at an address that is not its own. Tell its makers."),
    ),
    "reason-missing": (
        N_("The reason is missing"),
        N_("This is done only for a reason, which is kept. Go back and say why, in at most 500 characters."),
    ),
    "trial-over": (
        N_("No longer possible"),
        N_("This camera was added already, or its picture is not kept any more. Look at the list of cameras, or try it again."),
    ),
    "nothing-to-merge": (
        N_("Nothing is selected"),
        N_("Go back, and tick the cases that show the same incident as the one that is shown. Then merge them into it."),
    ),
    "cannot-be-printed": (
        N_("No PDF of this"),
        N_("The font of the PDF lacks a character of the name. Go back, and print the page from the browser."),
    ),
    "under-legal-hold": (
        N_("Under a legal hold"),
        N_("The evidence of this case is kept until the hold is lifted. Lift it first, with a reason."),
    ),
    "nothing-to-hold": (
        N_("Nothing is left to hold"),
        N_("The evidence of this case has been deleted, so no legal hold was set. The page of the case says when, and why."),
    ),
    "last-of-shop": (
        N_("Nobody else looks after this shop"),
        N_("You are the last, so nobody would answer its notices. Ask whoever manages the accounts to invite your successor."),
    ),
    "form-too-old": (
        N_("Not carried out"),
        N_("This form is too old, or did not come from this browser. Go back, reload the page, and send it again."),
    ),
    "invitation-over": (
        N_("This link is no longer valid"),
        N_("It was withdrawn, or its time is over. Ask whoever gave it to you for a new one."),
    ),
    "link-unknown": (
        N_("This link leads nowhere"),
        N_("It was not copied whole, or its case ended long ago."),
    ),
    "link-over": (
        N_("This link has run out"),
        N_("The case ended more than 7 days ago, so there is nothing more to do. Questions? Ring the station."),
    ),
    "link-revoked": (
        N_("This link was revoked"),
        N_("It does not open anything any more."),
    ),
    "link-of-another-device": (
        N_("This link is not yours"),
        N_("It was first used on another phone, or this browser keeps no cookies. Open it, and have your own link sent to you."),
    ),
    "key-missing": (
        N_("A key of the server is missing"),
        N_("What it protects cannot be read, so this cannot be done now. Tell whoever runs the server: the old key is needed."),
    ),
    403: (
        N_("Not open to your account"),
        N_("Your account may not see or do this. If it is part of your work, ask an administrator for the role that may."),
    ),
    404: (
        N_("Nothing here"),
        N_("There is no such page or case, or it lies outside your area. Start from the list."),
    ),
    405: (
        N_("Nothing here"),
        N_("This address takes only a form that was sent. Start from the list."),
    ),
    409: (
        N_("No longer possible"),
        N_("What this was meant for has changed meanwhile. Open it again and look at what changed."),
    ),
    412: (
        N_("Somebody else was faster"),
        N_("What you worked on has changed meanwhile. Open it again and look at what changed."),
    ),
    413: (
        N_("Too much at once"),
        N_("What was sent is larger than this address takes. Send less."),
    ),
    422: (
        N_("This cannot be used"),
        N_("The address or the form holds a value that means nothing here. Go back and choose again."),
    ),
    429: (
        N_("Too many tries"),
        N_("Wait a minute, then try again."),
    ),
    503: (
        N_("Busy for a moment"),
        N_("The server cannot answer right now. Try again in a few seconds; nothing was lost."),
    ),
    507: (
        N_("The disk is full"),
        N_("The server cannot store anything more. Tell whoever runs it to make room in its data folder."),
    ),
    500: (
        N_("Something went wrong"),
        N_("The server logged the error. Try again; if it comes back, tell whoever runs the server when it happened."),
    ),
}
