"""E-mail through the operator's own mail server. A repeat carries the same Message-ID, by which mailboxes know it."""

import asyncio
import re
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime

import aiosmtplib

from api.deliveries.kinds import Fault
from api.deliveries.outcome import Outcome, logged
from api.kit.settings import Settings
from api.kit.times import in_shop_time

# RFC 5321 allows more; what people type in earnest looks like this. Nothing in it can end a header.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
# RFC 5321 4.2.3 and RFC 3463: no such mailbox, not local, not a name. A full mailbox (552) or a policy (554) may pass.
_NO_SUCH_MAILBOX = frozenset({550, 551, 553})


def message_for(settings: Settings, recipient: str, message_id: str, text: str, at: datetime) -> EmailMessage:
    """The first line of the text is the subject too."""
    message = EmailMessage(policy=SMTPUTF8)
    message["From"] = settings.mail_from
    message["To"] = recipient
    message["Subject"] = text.splitlines()[0]
    message["Date"] = format_datetime(in_shop_time(at))
    message["Message-ID"] = f"<{message_id}@{(settings.mail_from or '').rpartition('@')[2]}>"
    # RFC 3834: no holiday answers, please.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text + "\n", cte="base64")
    return message


async def send_mail(settings: Settings, recipient: str, message_id: str, text: str, at: datetime) -> Outcome:
    """Never raises: every end is an outcome."""
    told = logged(f"MAIL {recipient}\nMessage-ID: {message_id}\n\n{text}")
    if settings.smtp_host is None or settings.mail_from is None:
        return Outcome(told, answer="SUNSHINE_SMTP_HOST, SUNSHINE_MAIL_FROM", fault=Fault.NOT_SET_UP)
    password = settings.smtp_password.get_secret_value() if settings.smtp_password is not None else None
    is_sent, taken = False, None
    try:
        message = message_for(settings, recipient, message_id, text, at)
        server = aiosmtplib.SMTP(
            hostname=settings.smtp_host, port=settings.smtp_port, timeout=settings.delivery_timeout_s,
            username=settings.smtp_user, password=password, use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
        )
        # A server that is slow at each step would outlast the claim, and another process send it too.
        async with asyncio.timeout(settings.delivery_timeout_s), server:
            is_sent = True
            _, taken = await server.send_message(message, sender=settings.mail_from, recipients=[recipient])
    except aiosmtplib.SMTPRecipientsRefused as error:
        refused = error.recipients[0]
        fault = Fault.NO_SUCH_RECIPIENT if refused.code in _NO_SUCH_MAILBOX else Fault.SERVICE_ERROR
        return Outcome(told, refused.code, logged(refused.message), fault)
    except aiosmtplib.SMTPAuthenticationError as error:
        return Outcome(told, error.code, logged(error.message), Fault.NOT_SET_UP)
    except aiosmtplib.SMTPResponseException as error:
        return Outcome(told, error.code, logged(error.message), Fault.SERVICE_ERROR)
    except (aiosmtplib.SMTPException, OSError) as error:
        if is_sent and taken is None:
            return Outcome(told, answer=logged(repr(error)), fault=Fault.NO_ANSWER, unclear=True)
        if taken is None:
            return Outcome(told, answer=logged(repr(error)), fault=Fault.CANNOT_CONNECT)
    return Outcome(told, 250, logged(taken or ""))
