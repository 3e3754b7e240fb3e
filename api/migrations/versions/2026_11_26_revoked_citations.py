"""An acceptance of a citation can be taken back"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_26_revoked_citations'
down_revision = '2026_11_26_case_indexes'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('accepted_citations', sa.Column('revokes', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column('accepted_citations', 'revokes')
