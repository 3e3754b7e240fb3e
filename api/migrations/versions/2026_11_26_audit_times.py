"""The audit is read in the order of time"""

from alembic import op

revision = '2026_11_26_audit_times'
down_revision = '2026_11_26_audit_indexes'
branch_labels = None
depends_on = None

_BEFORE = (('object_kind', 'object_id'), ('chain', 'id'), ('actor_name', 'id'), ('action', 'id'))
_NOW = (
    ('object_id', 'object_kind'), ('at', 'id'), ('chain', 'at', 'id'), ('actor_name', 'at', 'id'), ('action', 'at', 'id'),
    ('object_kind', 'at', 'id'),
)


def upgrade() -> None:
    _replace(_BEFORE, _NOW)


def downgrade() -> None:
    _replace(_NOW, _BEFORE)


def _replace(old: tuple[tuple[str, ...], ...], new: tuple[tuple[str, ...], ...]) -> None:
    for columns in old:
        op.drop_index(f'ix_audit_entries_{"_".join(columns)}', table_name='audit_entries')
    for columns in new:
        op.create_index(f'ix_audit_entries_{"_".join(columns)}', 'audit_entries', list(columns))
