"""Other systems' programs and their tokens"""

import sqlalchemy as sa
from alembic import op

from api.kit.times import UtcDateTime

revision = '2026_11_26_clients'
down_revision = '2026_11_24_feed'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('api_clients',
    sa.Column('id', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('redirect_uris', sa.JSON(), nullable=False),
    sa.Column('is_authority', sa.Boolean(), nullable=False),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('previous_hash', sa.String(length=64), nullable=True),
    sa.Column('previous_until', UtcDateTime(), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('created_by', sa.String(length=100), nullable=False),
    sa.Column('last_used_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_clients'))
    )
    op.create_table('api_client_places',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('client_id', sa.String(length=20), nullable=False),
    sa.Column('district_id', sa.String(length=20), nullable=True),
    sa.Column('shop_id', sa.String(length=20), nullable=True),
    sa.ForeignKeyConstraint(['client_id'], ['api_clients.id'], name=op.f('fk_api_client_places_client_id_api_clients')),
    sa.ForeignKeyConstraint(['district_id'], ['districts.id'], name=op.f('fk_api_client_places_district_id_districts')),
    sa.ForeignKeyConstraint(['shop_id'], ['shops.id'], name=op.f('fk_api_client_places_shop_id_shops')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_client_places'))
    )
    with op.batch_alter_table('api_client_places', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_api_client_places_client_id'), ['client_id'], unique=False)

    op.create_table('api_tokens',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.Enum('code', 'access', 'refresh', name='tokenkind', native_enum=False, length=40), nullable=False),
    sa.Column('client_id', sa.String(length=20), nullable=False),
    sa.Column('user_id', sa.String(length=20), nullable=True),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('family', sa.String(length=20), nullable=False),
    sa.Column('redirect_uri', sa.Text(), nullable=True),
    sa.Column('challenge', sa.String(length=43), nullable=True),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('used_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['client_id'], ['api_clients.id'], name=op.f('fk_api_tokens_client_id_api_clients')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_api_tokens_user_id_users')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_api_tokens'))
    )
    with op.batch_alter_table('api_tokens', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_api_tokens_client_id'), ['client_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_api_tokens_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_api_tokens_family'), ['family'], unique=False)
        batch_op.create_index(batch_op.f('ix_api_tokens_user_id'), ['user_id'], unique=False)


def downgrade() -> None:
    op.drop_table('api_tokens')
    op.drop_table('api_client_places')
    op.drop_table('api_clients')
