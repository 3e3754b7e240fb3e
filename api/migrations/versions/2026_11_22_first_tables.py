"""The first tables"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_22_first_tables'
down_revision = None
branch_labels = None
depends_on = None


def _refuse_changes(table: str) -> None:
    """Rows of the table can be added, and nothing else: not by us, and not by hand either."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'append-only'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, 'append-only'); END"
        )


def _chain_once(table: str) -> None:
    """Rows can be added, and be chained once; nothing else."""
    fixed = "id, at, actor_kind, actor_id, actor_name, unit, address, action, object_kind, object_id, reason, detail, chain"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OF {fixed} OR DELETE OR TRUNCATE ON {table} "
            "EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_chained_once BEFORE UPDATE ON {table} FOR EACH ROW WHEN (OLD.digest IS NOT NULL) "
            "EXECUTE FUNCTION refuse_change()"
        )
        return
    refuse = "BEGIN SELECT RAISE(ABORT, 'append-only'); END"
    op.execute(f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}")
    op.execute(f"CREATE TRIGGER {table}_no_update BEFORE UPDATE OF {fixed} ON {table} {refuse}")
    op.execute(f"CREATE TRIGGER {table}_chained_once BEFORE UPDATE ON {table} WHEN OLD.digest IS NOT NULL {refuse}")


def upgrade() -> None:
    op.create_table('audit_entries',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('actor_kind', sa.String(length=10), nullable=False),
    sa.Column('actor_id', sa.String(length=64), nullable=False),
    sa.Column('actor_name', sa.String(length=100), nullable=False),
    sa.Column('unit', sa.String(length=100), nullable=True),
    sa.Column('address', sa.String(length=64), nullable=True),
    sa.Column('action', sa.String(length=60), nullable=False),
    sa.Column('object_kind', sa.String(length=30), nullable=False),
    sa.Column('object_id', sa.String(length=64), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=True),
    sa.Column('detail', sa.JSON(), nullable=False),
    sa.Column('chain', sa.String(length=20), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=True),
    sa.Column('previous', sa.String(length=64), nullable=True),
    sa.Column('digest', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_entries')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('audit_entries', schema=None) as batch_op:
        batch_op.create_index('ix_audit_entries_object_kind_object_id', ['object_kind', 'object_id'], unique=False)
        batch_op.create_index('ix_audit_entries_chain_sequence', ['chain', 'sequence'], unique=True)
        batch_op.create_index('ix_audit_entries_chain_id', ['chain', 'id'], unique=False)
        batch_op.create_index('ix_audit_entries_waiting', ['id'], unique=False, sqlite_where=sa.text('digest IS NULL'), postgresql_where=sa.text('digest IS NULL'))

    op.create_table('audit_chains',
    sa.Column('chain', sa.String(length=20), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('chain', name=op.f('pk_audit_chains'))
    )

    op.create_table('districts',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('parent_id', sa.String(length=20), nullable=True),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.ForeignKeyConstraint(['parent_id'], ['districts.id'], name=op.f('fk_districts_parent_id_districts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_districts'))
    )
    with op.batch_alter_table('districts', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_districts_parent_id'), ['parent_id'], unique=False)

    op.create_table('sign_in_failures',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('last_at', UtcDateTime(), nullable=False),
    sa.Column('blocked_until', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_sign_in_failures'))
    )
    with op.batch_alter_table('sign_in_failures', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sign_in_failures_last_at'), ['last_at'], unique=False)

    op.create_table('shops',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('district_id', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('credit_code', sa.String(length=18), nullable=True),
    sa.Column('address', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_shops_district_id_districts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shops')),
    sa.UniqueConstraint('credit_code', name=op.f('uq_shops_credit_code'))
    )
    with op.batch_alter_table('shops', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_shops_district_id'), ['district_id'], unique=False)

    op.create_table('areas',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_areas_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_areas'))
    )
    with op.batch_alter_table('areas', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_areas_shop_id'), ['shop_id'], unique=False)

    op.create_table('edges',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('public_key', sa.String(length=64), nullable=False),
    sa.Column('encryption_key', sa.String(length=64), nullable=False),
    sa.Column('enrolled_at', UtcDateTime(), nullable=False),
    sa.Column('enrolled_by', sa.String(length=100), nullable=False),
    sa.Column('approved_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.Column('last_seen_at', UtcDateTime(), nullable=True),
    sa.Column('clock_offset_s', sa.Double(), nullable=True),
    sa.Column('software_version', sa.String(length=50), nullable=False),
    sa.Column('config_version', sa.String(length=64), nullable=True),
    sa.Column('outbox_waiting', sa.Integer(), nullable=False),
    sa.Column('outbox_parked', sa.Integer(), nullable=False),
    sa.Column('trouble', sa.String(length=40), nullable=True),
    sa.Column('watched', sa.Integer(), nullable=False),
    sa.Column('carries', sa.Integer(), nullable=True),
    sa.Column('is_exact', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_edges_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_edges')),
    sa.UniqueConstraint('public_key', name=op.f('uq_edges_public_key'))
    )
    with op.batch_alter_table('edges', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_edges_shop_id'), ['shop_id'], unique=False)

    op.create_table('shop_contacts',
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('place', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('duty', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('phone', sa.String(length=30), nullable=False),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_shop_contacts_shop_id_shops')),
    sa.PrimaryKeyConstraint('shop_id', 'place', name=op.f('pk_shop_contacts'))
    )
    op.create_table('shop_licences',
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('place', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('number', sa.String(length=60), nullable=False),
    sa.Column('expires_on', sa.Date(), nullable=True),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_shop_licences_shop_id_shops')),
    sa.PrimaryKeyConstraint('shop_id', 'place', name=op.f('pk_shop_licences'))
    )
    with op.batch_alter_table('shop_licences', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_shop_licences_expires_on'), ['expires_on'], unique=False)

    op.create_table('users',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('login', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('password_hash', sa.String(length=200), nullable=False),
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('is_admin', sa.Boolean(), nullable=False),
    sa.Column('district_id', sa.String(length=20), nullable=True),
    sa.Column('shop_id', sa.String(length=20), nullable=True),
    sa.Column('language', sa.String(length=10), nullable=False),
    sa.Column('disabled', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_users_district_id_districts')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_users_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('login', name=op.f('uq_users_login'))
    )
    op.create_table('cameras',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('area_id', sa.String(length=20), nullable=False),
    sa.Column('edge_id', sa.String(length=20), nullable=True),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('url', sa.String(length=1000), nullable=False),
    sa.Column('username', sa.String(length=200), nullable=True),
    sa.Column('password_encrypted', sa.Text(), nullable=True),
    sa.Column('transport', sa.String(length=3), nullable=False),
    sa.Column('zone', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('hours', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('posts', sa.JSON(), nullable=False),
    sa.Column('interval_s', sa.Double(), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('last_minute', UtcDateTime(), nullable=True),
    sa.Column('last_looks', sa.Integer(), nullable=True),
    sa.Column('last_fault', sa.String(length=40), nullable=True),
    sa.Column('last_looked_at', UtcDateTime(), nullable=True),
    sa.Column('width', sa.Integer(), nullable=True),
    sa.Column('height', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_cameras_area_id_areas')),
    sa.ForeignKeyConstraint(['edge_id'], ['edges.id'], name=op.f('fk_cameras_edge_id_edges')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_cameras_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cameras'))
    )
    with op.batch_alter_table('cameras', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_cameras_edge_id'), ['edge_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_cameras_shop_id'), ['shop_id'], unique=False)

    op.create_table('enrolment_codes',
    sa.Column('code_hash', sa.String(length=64), nullable=False),
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('created_by', sa.String(length=100), nullable=False),
    sa.Column('is_approved', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('used_at', UtcDateTime(), nullable=True),
    sa.Column('edge_id', sa.String(length=20), nullable=True),
    sa.ForeignKeyConstraint(['edge_id'], ['edges.id'], name=op.f('fk_enrolment_codes_edge_id_edges')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_enrolment_codes_shop_id_shops')),
    sa.PrimaryKeyConstraint('code_hash', name=op.f('pk_enrolment_codes'))
    )
    op.create_table('idempotency_keys',
    sa.Column('edge_id', sa.String(length=20), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('request_digest', sa.String(length=64), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['edge_id'], ['edges.id'], name=op.f('fk_idempotency_keys_edge_id_edges')),
    sa.PrimaryKeyConstraint('edge_id', 'key', name=op.f('pk_idempotency_keys'))
    )
    op.create_table('sessions',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=20), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('seen_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_sessions_user_id_users')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_sessions'))
    )
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sessions_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_sessions_user_id'), ['user_id'], unique=False)

    op.create_table('camera_minutes',
    sa.Column('camera_id', sa.String(length=20), nullable=False),
    sa.Column('minute', UtcDateTime(), nullable=False),
    sa.Column('looks', sa.Integer(), nullable=False),
    sa.Column('fault', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['camera_id'], ['cameras.id'], name=op.f('fk_camera_minutes_camera_id_cameras')),
    sa.PrimaryKeyConstraint('camera_id', 'minute', name=op.f('pk_camera_minutes'))
    )
    op.create_table('cases',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('camera_id', sa.String(length=20), nullable=False),
    sa.Column('shop_id', sa.String(length=20), nullable=False),
    sa.Column('area_id', sa.String(length=20), nullable=False),
    sa.Column('rule', sa.String(length=3), nullable=False),
    sa.Column('severity', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('opened_at', UtcDateTime(), nullable=False),
    sa.Column('captured_at', UtcDateTime(), nullable=False),
    sa.Column('last_seen_at', UtcDateTime(), nullable=False),
    sa.Column('track', sa.Integer(), nullable=False),
    sa.Column('spot', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('looks', sa.Integer(), nullable=False),
    sa.Column('sure_looks', sa.Integer(), nullable=False),
    sa.Column('violating_looks', sa.Integer(), nullable=False),
    sa.Column('observations', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('merged_into', sa.Integer(), nullable=True),
    sa.Column('stage', sa.String(length=40), nullable=True),
    sa.Column('stage_from', UtcDateTime(), nullable=True),
    sa.Column('due_at', UtcDateTime(), nullable=True),
    sa.Column('next_check_at', UtcDateTime(), nullable=True),
    sa.Column('overdue_at', UtcDateTime(), nullable=True),
    sa.Column('escalation', sa.String(length=40), nullable=True),
    sa.Column('escalated_at', UtcDateTime(), nullable=True),
    sa.Column('rectify_due_at', UtcDateTime(), nullable=True),
    sa.Column('rectify_left_s', sa.Double(), nullable=True),
    sa.ForeignKeyConstraint(['area_id'], ['areas.id'], name=op.f('fk_cases_area_id_areas')),
    sa.ForeignKeyConstraint(['camera_id'], ['cameras.id'], name=op.f('fk_cases_camera_id_cameras')),
    sa.ForeignKeyConstraint(['merged_into'], ['cases.id'], name=op.f('fk_cases_merged_into_cases')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_cases_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cases')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('cases', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_cases_camera_id'), ['camera_id'], unique=False)
        batch_op.create_index('ix_cases_camera_id_rule_last_seen_at', ['camera_id', 'rule', 'last_seen_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_cases_next_check_at'), ['next_check_at'], unique=False)
        batch_op.create_index('ix_cases_shop_id_id', ['shop_id', 'id'], unique=False)
        batch_op.create_index('ix_cases_state_id', ['state', 'id'], unique=False)

    op.create_table('case_reminders',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('due_at', UtcDateTime(), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('stage', sa.String(length=40), nullable=False),
    sa.Column('level', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_case_reminders_case_id_cases')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_reminders'))
    )
    with op.batch_alter_table('case_reminders', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_reminders_case_id'), ['case_id'], unique=False)

    op.create_table('case_transitions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('actor_kind', sa.String(length=10), nullable=False),
    sa.Column('actor_id', sa.String(length=64), nullable=False),
    sa.Column('actor_name', sa.String(length=100), nullable=False),
    sa.Column('address', sa.String(length=64), nullable=True),
    sa.Column('act', sa.String(length=40), nullable=False),
    sa.Column('before', sa.String(length=40), nullable=True),
    sa.Column('after', sa.String(length=40), nullable=False),
    sa.Column('reason', sa.String(length=40), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_case_transitions_case_id_cases')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_case_transitions'))
    )
    with op.batch_alter_table('case_transitions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_case_transitions_case_id'), ['case_id'], unique=False)

    op.create_table('evidence',
    sa.Column('violation_id', sa.String(length=36), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('camera_id', sa.String(length=20), nullable=False),
    sa.Column('edge_id', sa.String(length=20), nullable=False),
    sa.Column('manifest', sa.Text(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('signature', sa.String(length=100), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('chain', sa.String(length=40), nullable=False),
    sa.Column('received_at', UtcDateTime(), nullable=False),
    sa.Column('folder', sa.String(length=200), nullable=False),
    sa.Column('deleted_at', UtcDateTime(), nullable=True),
    sa.Column('deleted_by', sa.String(length=100), nullable=True),
    sa.Column('deletion_ground', sa.String(length=500), nullable=True),
    sa.ForeignKeyConstraint(['camera_id'], ['cameras.id'], name=op.f('fk_evidence_camera_id_cameras')),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_evidence_case_id_cases')),
    sa.ForeignKeyConstraint(['edge_id'], ['edges.id'], name=op.f('fk_evidence_edge_id_edges')),
    sa.PrimaryKeyConstraint('violation_id', name=op.f('pk_evidence'))
    )
    with op.batch_alter_table('evidence', schema=None) as batch_op:
        batch_op.create_index('ix_evidence_camera_id_edge_id_sequence', ['camera_id', 'edge_id', 'sequence'], unique=False)
        batch_op.create_index(batch_op.f('ix_evidence_case_id'), ['case_id'], unique=False)
        batch_op.create_index('ix_evidence_kept', ['received_at'], unique=False, sqlite_where=sa.text('deleted_at IS NULL'), postgresql_where=sa.text('deleted_at IS NULL'))
        batch_op.create_index('ix_evidence_files_to_delete', ['violation_id'], unique=False, sqlite_where=sa.text("deleted_at IS NOT NULL AND folder <> ''"), postgresql_where=sa.text("deleted_at IS NOT NULL AND folder <> ''"))

    op.create_table('legal_holds',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=False),
    sa.Column('set_at', UtcDateTime(), nullable=False),
    sa.Column('set_by', sa.String(length=100), nullable=False),
    sa.Column('set_because', sa.String(length=500), nullable=False),
    sa.Column('lifted_at', UtcDateTime(), nullable=True),
    sa.Column('lifted_by', sa.String(length=100), nullable=True),
    sa.Column('lifted_because', sa.String(length=500), nullable=True),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_legal_holds_case_id_cases')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_legal_holds'))
    )
    with op.batch_alter_table('legal_holds', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_legal_holds_case_id'), ['case_id'], unique=False)

    op.create_table('muted_spots',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('camera_id', sa.String(length=20), nullable=False),
    sa.Column('rule', sa.String(length=3), nullable=False),
    sa.Column('box', sa.JSON(), nullable=False),
    sa.Column('muted_at', UtcDateTime(), nullable=False),
    sa.Column('because_of', sa.Integer(), nullable=False),
    sa.Column('case_id', sa.Integer(), nullable=True),
    sa.Column('observations', sa.Integer(), nullable=False),
    sa.Column('last_seen_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_by', sa.String(length=100), nullable=True),
    sa.ForeignKeyConstraint(['because_of'], ['cases.id'], name=op.f('fk_muted_spots_because_of_cases')),
    sa.ForeignKeyConstraint(['camera_id'], ['cameras.id'], name=op.f('fk_muted_spots_camera_id_cameras')),
    sa.ForeignKeyConstraint(['case_id'], ['cases.id'], name=op.f('fk_muted_spots_case_id_cases')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_muted_spots'))
    )
    with op.batch_alter_table('muted_spots', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_muted_spots_camera_id'), ['camera_id'], unique=False)

    _refuse_changes("case_transitions")
    _chain_once("audit_entries")


def downgrade() -> None:
    with op.batch_alter_table('muted_spots', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_muted_spots_camera_id'))

    op.drop_table('muted_spots')
    with op.batch_alter_table('legal_holds', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_legal_holds_case_id'))

    op.drop_table('legal_holds')
    with op.batch_alter_table('evidence', schema=None) as batch_op:
        batch_op.drop_index('ix_evidence_files_to_delete')
        batch_op.drop_index('ix_evidence_kept')
        batch_op.drop_index(batch_op.f('ix_evidence_case_id'))
        batch_op.drop_index('ix_evidence_camera_id_edge_id_sequence')

    op.drop_table('evidence')
    with op.batch_alter_table('case_transitions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_transitions_case_id'))

    op.drop_table('case_transitions')
    with op.batch_alter_table('case_reminders', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_case_reminders_case_id'))

    op.drop_table('case_reminders')
    with op.batch_alter_table('cases', schema=None) as batch_op:
        batch_op.drop_index('ix_cases_state_id')
        batch_op.drop_index('ix_cases_shop_id_id')
        batch_op.drop_index(batch_op.f('ix_cases_next_check_at'))
        batch_op.drop_index('ix_cases_camera_id_rule_last_seen_at')
        batch_op.drop_index(batch_op.f('ix_cases_camera_id'))

    op.drop_table('cases')
    op.drop_table('camera_minutes')
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sessions_user_id'))
        batch_op.drop_index(batch_op.f('ix_sessions_expires_at'))

    op.drop_table('sessions')
    op.drop_table('idempotency_keys')
    op.drop_table('enrolment_codes')
    with op.batch_alter_table('cameras', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_cameras_shop_id'))
        batch_op.drop_index(batch_op.f('ix_cameras_edge_id'))

    op.drop_table('cameras')
    op.drop_table('users')
    with op.batch_alter_table('shop_licences', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_shop_licences_expires_on'))

    op.drop_table('shop_licences')
    op.drop_table('shop_contacts')
    with op.batch_alter_table('edges', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_edges_shop_id'))

    op.drop_table('edges')
    with op.batch_alter_table('areas', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_areas_shop_id'))

    op.drop_table('areas')
    with op.batch_alter_table('shops', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_shops_district_id'))

    op.drop_table('shops')
    with op.batch_alter_table('sign_in_failures', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_sign_in_failures_last_at'))

    op.drop_table('sign_in_failures')
    with op.batch_alter_table('districts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_districts_parent_id'))

    op.drop_table('districts')
    op.drop_table('audit_chains')
    with op.batch_alter_table('audit_entries', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_entries_waiting')
        batch_op.drop_index('ix_audit_entries_chain_id')
        batch_op.drop_index('ix_audit_entries_chain_sequence')
        batch_op.drop_index('ix_audit_entries_object_kind_object_id')

    op.drop_table('audit_entries')
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change")
