"""Steps and missed deadlines of a time are counted without walking all there ever were"""

from alembic import op

revision = '2026_11_26_statistics'
down_revision = '2026_11_26_camera_trials'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_case_transitions_act_at', 'case_transitions', ['act', 'at'])
    op.create_index('ix_case_reminders_kind_at', 'case_reminders', ['kind', 'at'])


def downgrade() -> None:
    op.drop_index('ix_case_reminders_kind_at', table_name='case_reminders')
    op.drop_index('ix_case_transitions_act_at', table_name='case_transitions')
