import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.accounts.actors import Actor
from api.accounts.dependencies import CentreOf, address_of, centre_of
from api.alarms import service
from api.alarms.receiving import receive
from api.alarms.schemas import AlarmAnswer
from api.alarms.tables import AlarmBox
from api.kit.problems import Conflict, Forbidden, Invalid, Unauthenticated, documented

router = APIRouter(tags=["alarms"])
_bearer = HTTPBearer(scheme_name="alarm_box", description="the token of the box, from the console", auto_error=False)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "description": "in the form that the box is set to: docs/alarms.md"},
                "examples": {
                    "carrier_cloud": {
                        "value": {
                            "ai_platform_msg_id": "m-1", "ai_ability_code": "100600", "device_code": "34020000001320000001",
                            "alert_create_time": "2026-11-26 12:00:00", "src_url": "https://example.org/1.jpg",
                            "bbox": {"conf": 0.9, "point": [[100, 200, 180, 350]]},
                        }
                    },
                    "huawei_vias": {
                        "value": {
                            "message_id": "m-2", "event_type": 589824, "stream_id": "001", "timestamp": 1790000000,
                            "data": {
                                "event_set": [{"bounding_box": {"x": 1, "y": 2, "w": 8, "h": 9}, "type_cloth": 1, "type_hat": 1}]
                            },
                            "image_base64": "/9j/4AAQ…",
                        }
                    },
                },
            }
        },
    }
}


async def _box(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> tuple[Actor, AlarmBox]:
    if credentials is None:
        raise Unauthenticated("The request carries no token of a box: Authorization: Bearer …")
    centre = centre_of(request)
    async with centre.database.reading() as work:
        actor, box = await service.authenticate(work, credentials.credentials, address_of(request))
    request.state.headers.update(centre.requests_of_box.take(actor.id, centre.clock()))
    return actor, box


@router.post(
    "/alarms", operation_id="report_alarm", summary="Hand in an alarm of a box that a shop owns", status_code=201,
    response_model=AlarmAnswer, openapi_extra=_BODY,
    responses={
        200: {"model": AlarmAnswer, "description": "Taken before, with the answer it got, or nothing of it is a violation here"},
        **documented(Unauthenticated, Forbidden, Conflict),
    },
)
async def report_alarm(
    request: Request, response: Response, known: Annotated[tuple[Actor, AlarmBox], Depends(_box)], centre: CentreOf
) -> AlarmAnswer:
    """Exactly once per message id of the vendor: a repeat gets the first answer. The picture is fetched before this answers."""
    answer, is_new = await receive(centre, *known, _read(await request.body()))
    response.status_code = 201 if is_new else 200
    return answer


def _read(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Invalid("The body is no JSON that can be read.") from error
    if not isinstance(body, dict):
        raise Invalid("The body must be one JSON object.")
    return body
