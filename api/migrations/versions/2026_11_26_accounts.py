"""Second factors, invitations, accounts of an identity provider, and where a session was begun"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_accounts'
down_revision = '2026_11_26_case_links'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('invitations',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('is_admin', sa.Boolean(), nullable=False),
    sa.Column('district_id', sa.String(length=20), nullable=True),
    sa.Column('shop_id', sa.String(length=20), nullable=True),
    sa.Column('created_by', sa.String(length=100), nullable=False),
    sa.Column('created_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', UtcDateTime(timezone=True), nullable=False),
    sa.Column('used_at', UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_invitations_district_id_districts')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_invitations_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invitations')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_invitations_token_hash'))
    )
    op.add_column('sessions', sa.Column('address', sa.String(length=64), nullable=True))
    op.add_column('sessions', sa.Column('device', sa.String(length=200), nullable=True))
    op.add_column('users', sa.Column('totp_encrypted', sa.Text(), nullable=True))
    op.add_column('users', sa.Column('totp_step', sa.Integer(), nullable=True))
    op.add_column('users', sa.Column('oidc_subject', sa.String(length=600), nullable=True))
    op.create_index(op.f('ix_users_oidc_subject'), 'users', ['oidc_subject'], unique=True)


def downgrade() -> None:
    op.drop_index(op.f('ix_users_oidc_subject'), 'users')
    op.drop_column('users', 'oidc_subject')
    op.drop_column('users', 'totp_step')
    op.drop_column('users', 'totp_encrypted')
    op.drop_column('sessions', 'device')
    op.drop_column('sessions', 'address')
    op.drop_table('invitations')
