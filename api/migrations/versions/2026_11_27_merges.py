"""A merge records into which case, so that it can be taken back"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_27_merges'
down_revision = '2026_11_27_limits'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('case_transitions', sa.Column('merged_into', sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column('case_transitions', 'merged_into')
