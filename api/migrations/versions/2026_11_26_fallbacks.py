"""What was to compute or decode in the place of an edge's processor, and does not"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_26_fallbacks'
down_revision = '2026_11_26_paper_links'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('edges', sa.Column('no_provider', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('edges', sa.Column('no_decoder', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table('edges', schema=None) as batch_op:
        batch_op.drop_column('no_decoder')
        batch_op.drop_column('no_provider')
