"""Who did what, found among a million entries without reading them all"""

from alembic import op

revision = '2026_11_26_audit_indexes'
down_revision = '2026_11_26_fallbacks'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_audit_entries_actor_name_id', 'audit_entries', ['actor_name', 'id'])
    op.create_index('ix_audit_entries_action_id', 'audit_entries', ['action', 'id'])


def downgrade() -> None:
    op.drop_index('ix_audit_entries_action_id', table_name='audit_entries')
    op.drop_index('ix_audit_entries_actor_name_id', table_name='audit_entries')
