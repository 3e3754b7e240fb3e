"""A program's secret works for a day after it was replaced, however often that happens within the day"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_27_secrets'
down_revision = '2026_11_27_versions'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('api_clients', sa.Column('earlier', sa.JSON(), server_default='[]', nullable=False))


def downgrade() -> None:
    op.drop_column('api_clients', 'earlier')
