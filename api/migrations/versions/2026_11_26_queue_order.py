"""What is to be judged is read in the order in which it is shown"""

from alembic import op

revision = '2026_11_26_queue_order'
down_revision = '2026_11_26_public_status'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_cases_queue', 'cases', ['state', 'severity', 'due_at', 'id'])


def downgrade() -> None:
    op.drop_index('ix_cases_queue', table_name='cases')
