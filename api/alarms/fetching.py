"""Fetching the picture that an alarm points to: by the guard, whole, small enough and in time, or not at all."""

import asyncio

import httpx

from api.kit.outbound import Refused, Resolver, UnknownName, guarded_client
from api.kit.problems import Invalid, TooLarge, Unavailable
from api.kit.settings import Settings


class PictureRefused(Invalid):
    """It will not be there the next time either."""

    code = "picture-refused"


async def fetch_picture(settings: Settings, url: str, resolver: Resolver | None = None) -> bytes:
    """Raises PictureRefused, TooLarge, or Unavailable for what may be better the next time."""
    try:
        async with (
            asyncio.timeout(settings.alarm_picture_s),
            guarded_client(settings.allowed_networks, settings.alarm_picture_s, resolver) as client,
            # Nothing is unpacked, so that a small answer stays small.
            client.stream("GET", url, headers={"Accept": "image/jpeg", "Accept-Encoding": "identity"}) as response,
        ):
            _check(response, settings.picture_bytes)
            content = bytearray()
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > settings.picture_bytes:
                    raise _too_large(settings.picture_bytes)
            return bytes(content)
    except Refused as error:
        raise PictureRefused(f"The picture may not be fetched: {error}") from error
    except (UnknownName, httpx.HTTPError, TimeoutError) as error:
        raise Unavailable("The picture could not be fetched. Send the alarm again later.", retry_after_s=30) from error


def _check(response: httpx.Response, most_bytes: int) -> None:
    status = response.status_code
    if status >= 500 or status in (408, 425, 429):
        raise Unavailable(f"Where the picture lies, the answer was {status}. Send the alarm again later.", retry_after_s=30)
    if status != 200:
        raise PictureRefused(f"Where the picture lies, the answer was {status}; a redirect is not followed.")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise PictureRefused("The picture came packed. Send it as it is.")
    length = response.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most_bytes:
        raise _too_large(most_bytes)


def _too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"The picture is larger than the {most_bytes} bytes that this centre takes.")
