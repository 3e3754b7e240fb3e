"""What the figures are called, and what each of them means."""

from collections.abc import Callable
from dataclasses import dataclass

from api.cases.states import Act, CaseState
from api.console.i18n import N_
from api.statistics.figures import By, Counts

# Below these a single case would move the figure too much, so the counts themselves are shown: one case in 20 is a share of 5 %,
# and of fewer than 10 times the ninth tenth is only the longest one.
FEWEST_FOR_SHARE = 20
FEWEST_FOR_TIME = 10


@dataclass(frozen=True)
class CountColumn:
    heading: str
    of: Callable[[Counts], int]
    meaning: str


FOUND = CountColumn(
    N_("Findings"), lambda counts: counts.found,
    N_("Cases that the cameras opened. What joins a case that is still open is not counted again."),
)
CONFIRMED = CountColumn(
    N_("Confirmed"), lambda counts: counts.confirmed,
    N_("A person judged it to be a violation. A judgement that was taken back or changed later does not count."),
)
FALSE_ALARMS = CountColumn(
    N_("False alarms"), lambda counts: counts.false_alarms,
    N_("A person dismissed it: nothing was wrong, or it was nobody who works with food."),
)
CANNOT_TELL = CountColumn(
    N_("Cannot tell"), lambda counts: counts.cannot_tell,
    N_("The picture does not show it clearly enough. Counted apart: neither a violation nor a false alarm."),
)
APART = CountColumn(
    N_("Tests, duplicates, other"), lambda counts: counts.apart,
    N_("Dismissed or merged as a test, a duplicate, or for another reason. Counted apart as well."),
)
ISSUED = CountColumn(N_("Notices"), lambda counts: counts.issued, N_("Notices to put right that were issued."))
RECORDED = CountColumn(
    N_("Recorded only"), lambda counts: counts.recorded,
    N_("Minor violations, the first of their kind at the shop in 30 days, that were recorded without a notice."),
)
ANSWERED = CountColumn(
    N_("Answers"), lambda counts: counts.answered,
    N_("Reports of shops that it is put right; one that was returned and sent again counts twice."),
)
CLOSED = CountColumn(
    N_("Closed"), lambda counts: counts.closed,
    N_("An officer verified that it is put right, and nobody opened the case again."),
)
COLUMNS = (FOUND, CONFIRMED, FALSE_ALARMS, CANNOT_TELL, APART, ISSUED, RECORDED, ANSWERED, CLOSED)

SHARE = N_("Share of false alarms")
MEANINGS: tuple[tuple[str, str], ...] = (
    *((column.heading, column.meaning) for column in COLUMNS),
    (SHARE, N_("False alarms, of all that a person judged to be a false alarm or a violation.")),
    (
        N_("Deadlines missed"),
        N_("Deadlines for signing or putting right that were missed."),
    ),
    (
        N_("Rectification time"),
        N_(
            "From the notice to the first answer of the shop, and from the notice to the closure, as the clock runs, nights "
            "and holidays included. Median: half took no longer. 90 %%: nine in ten took no longer. What is still open has no "
            "time yet."
        ),
    ),
    (
        N_("When it counts"),
        N_(
            "Each step counts on the day on which it was taken, in Beijing time: what is found on Sunday and judged on Monday is "
            "a finding of one week and a judgement of the next. Weeks begin on Monday."
        ),
    ),
    (
        N_("Small numbers"),
        N_(
            "Of fewer than %(share)s judged cases no share is shown, and of fewer than %(time)s cases no time: a single case "
            "would move it too much."
        ),
    ),
)

# The heading of a table and of its first column.
TABLES: dict[By, tuple[str, str]] = {
    By.WEEK: (N_("By week"), N_("Week from")),
    By.RULE: (N_("By rule"), N_("Rule")),
    By.STATION: (N_("By station"), N_("Station")),
    By.SHOP: (N_("By shop"), N_("Shop")),
    By.CAMERA: (N_("By camera"), N_("Camera")),
}
TIMES = "times"
UNTIL: dict[Act, str] = {Act.SUBMIT: N_("to the answer"), Act.CLOSE: N_("to the closure")}

# What is open now, as the wall shows it.
WAITING: tuple[tuple[str, frozenset[CaseState]], ...] = (
    (N_("To judge"), frozenset({CaseState.PENDING_REVIEW})),
    (N_("Confirmed, no notice yet"), frozenset({CaseState.CONFIRMED})),
    (N_("With the shops"), frozenset({CaseState.ISSUED, CaseState.ACKNOWLEDGED, CaseState.RETURNED})),
    (
        N_("To verify or decide"),
        frozenset({CaseState.SUBMITTED, CaseState.APPEALED, CaseState.REFUSED, CaseState.ON_SITE}),
    ),
)
