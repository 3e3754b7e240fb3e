"""Notices with their numbers, citations that a section head has accepted, telephone and address of a station"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_24_notices'
down_revision = '2026_11_24_deliveries'
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
    op.create_table('accepted_citations',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('text', sa.String(length=300), nullable=False),
    sa.Column('district_id', sa.String(length=20), nullable=True),
    sa.Column('accepted_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('actor_id', sa.String(length=64), nullable=False),
    sa.Column('actor_name', sa.String(length=100), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_accepted_citations_district_id_districts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_accepted_citations'))
    )
    with op.batch_alter_table('accepted_citations', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_accepted_citations_text'), ['text'], unique=False)

    op.create_table('notice_counters',
    sa.Column('station_id', sa.String(length=20), nullable=False),
    sa.Column('year', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('last', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['station_id'], ['districts.id'], name=op.f('fk_notice_counters_station_id_districts')),
    sa.PrimaryKeyConstraint('station_id', 'year', name=op.f('pk_notice_counters'))
    )
    op.create_table('notices',
    sa.Column('case_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('station_id', sa.String(length=20), nullable=False),
    sa.Column('year', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('issued_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('issued_by', sa.String(length=64), nullable=False),
    sa.Column('facts', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_notices_case_id_cases')),
    sa.ForeignKeyConstraint(['station_id'], ['districts.id'], name=op.f('fk_notices_station_id_districts')),
    sa.PrimaryKeyConstraint('case_id', name=op.f('pk_notices')),
    sa.UniqueConstraint('station_id', 'year', 'number', name=op.f('uq_notices_station_id_year_number'))
    )
    op.add_column('districts', sa.Column('phone', sa.String(length=30), nullable=True))
    op.add_column('districts', sa.Column('address', sa.String(length=200), nullable=True))

    for table in ("notices", "accepted_citations"):
        _refuse_changes(table)


def downgrade() -> None:
    op.drop_column('districts', 'address')
    op.drop_column('districts', 'phone')

    op.drop_table('notices')
    op.drop_table('notice_counters')
    with op.batch_alter_table('accepted_citations', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_accepted_citations_text'))

    op.drop_table('accepted_citations')
