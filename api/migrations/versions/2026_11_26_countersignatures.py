"""The centre's own key, and what it signs of each manifest"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_countersignatures'
down_revision = '2026_11_26_review_leases'
branch_labels = None
depends_on = None


def _refuse_changes(table: str) -> None:
    """Rows of the table can be added, and nothing else: not by us, and not by hand either."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, 'append-only'); END"
        )


def upgrade() -> None:
    op.create_table('centre_keys',
    sa.Column('public_key', sa.String(length=64), nullable=False),
    sa.Column('private_encrypted', sa.Text(), nullable=False),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('public_key', name=op.f('pk_centre_keys'))
    )
    op.create_table('countersignatures',
    sa.Column('manifest', sa.String(length=64), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('statement', sa.Text(), nullable=False),
    sa.Column('signature', sa.String(length=100), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_countersignatures_case_id_cases')),
    sa.PrimaryKeyConstraint('manifest', 'number', name=op.f('pk_countersignatures'))
    )
    op.create_index(op.f('ix_countersignatures_case_id'), 'countersignatures', ['case_id'], unique=False)
    op.create_index('ix_evidence_camera_id_received_at', 'evidence', ['camera_id', 'received_at'], unique=False)
    _refuse_changes('countersignatures')


def downgrade() -> None:
    op.drop_index('ix_evidence_camera_id_received_at', table_name='evidence')
    op.drop_table('countersignatures')
    op.drop_table('centre_keys')
