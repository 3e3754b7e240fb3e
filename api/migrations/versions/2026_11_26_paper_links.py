"""A link on the printed notice is of no receiver"""

import sqlalchemy as sa
from alembic import op

revision = '2026_11_26_paper_links'
down_revision = '2026_11_26_agreed_at'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('case_links', schema=None) as batch_op:
        batch_op.alter_column('target_id', existing_type=sa.String(length=20), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM case_links WHERE kind = 'paper'")
    with op.batch_alter_table('case_links', schema=None) as batch_op:
        batch_op.alter_column('target_id', existing_type=sa.String(length=20), nullable=False)
