"""All tables of all nouns, for the migrations and for the tests that compare the two."""

import api.accounts.tables
import api.alarms.tables
import api.answers.tables
import api.audit.tables
import api.cameras.tables
import api.cases.tables
import api.clients.tables
import api.deliveries.tables
import api.edges.tables
import api.evidence.tables
import api.feed.tables
import api.keys.tables
import api.links.tables
import api.notices.tables
import api.places.tables
import api.public.tables
import api.repeats.tables
import api.trials.tables  # noqa: F401
from api.kit.database import Table

metadata = Table.metadata
