"""The second factor: codes of an authenticator app (TOTP, RFC 6238: SHA-1, 6 digits, 30 s), each good once."""

from datetime import datetime

import pyotp
from pydantic import SecretStr

from api.accounts import repository
from api.accounts.actors import Actor
from api.accounts.tables import User
from api.audit.service import record
from api.kit.database import Work
from api.kit.problems import Invalid
from api.kit.secrets import Keyring

STEP_S = 30
# A phone's clock may be off by as much, to either side (RFC 6238, 5.2).
STEPS_OFF = 1


class WrongCode(Invalid):
    code = "wrong-code"


def new_secret() -> SecretStr:
    """160 bits, as RFC 4226 recommends."""
    return SecretStr(pyotp.random_base32())


def address_of(secret: SecretStr, login: str, centre_name: str) -> str:
    """What the QR code holds (otpauth://)."""
    return pyotp.TOTP(secret.get_secret_value()).provisioning_uri(name=login, issuer_name=centre_name)


def step_of(secret: SecretStr, code: str, at: datetime, after: int | None) -> int | None:
    """Which step the code belongs to; None for a wrong one, and for one of a step that was used before."""
    digits = "".join(code.split())
    current = int(at.timestamp()) // STEP_S
    totp = pyotp.TOTP(secret.get_secret_value())
    for step in range(current - STEPS_OFF, current + STEPS_OFF + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), digits) and (after is None or step > after):
            return step
    return None


def fits(keyring: Keyring, user: User, code: str, at: datetime) -> bool:
    """Uses the code up."""
    if user.totp_encrypted is None:
        return False
    secret = keyring.decrypt(user.totp_encrypted, _name(user.id))
    step = step_of(secret, code, at, user.totp_step)
    if step is not None:
        user.totp_step = step
    return step is not None


async def switch_on(work: Work, actor: Actor, keyring: Keyring, secret: SecretStr, code: str, at: datetime) -> None:
    """For one's own account, once the app has shown a right code. Raises WrongCode."""
    step = step_of(secret, code, at, None)
    if step is None:
        raise WrongCode("The code is wrong or too old. Set the time of the phone by the network, and type the next one.")
    user = await repository.own_user(work, actor)
    user.totp_encrypted, user.totp_step = keyring.encrypt(secret, _name(user.id)), step
    record(work, actor, "second_factor.on", "user", user.id, **user.place)


async def switch_off(work: Work, actor: Actor, user: User) -> None:
    user.totp_encrypted = user.totp_step = None
    record(work, actor, "second_factor.off", "user", user.id, **user.place, login=user.login)
    await work.flush()


async def rotate_keys(work: Work, actor: Actor, old: Keyring, new: Keyring) -> int:
    """Encrypt each secret with the current key of `new`; returns how many."""
    users = [user for user in await repository.list_users(work, actor) if user.totp_encrypted is not None]
    for user in users:
        user.totp_encrypted = new.encrypt(old.decrypt(user.totp_encrypted or "", _name(user.id)), _name(user.id))
    return len(users)


def _name(user_id: str) -> str:
    return f"user {user_id} totp"
