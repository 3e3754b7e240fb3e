"""An extension records the new deadline"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_extensions'
down_revision = '2026_11_26_latest_pictures'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('case_transitions', sa.Column('due_at', UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('case_transitions', 'due_at')
