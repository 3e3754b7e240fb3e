import cv2
import numpy as np
import pytest

from api.accounts.permissions import Role
from api.audit.chainer import chain_all
from api.evidence.blur import blurred
from api.kit.pictures import NotAPicture
from contract.evidence import MarkedBox, file_digest
from tests.api.acts import done
from tests.api.world import EdgeBox, World, problem_code
from tests.contract.test_blur import HEAD, PERSON, noise


def test_the_file_holds_no_thumbnail_and_no_note():
    plain = cv2.imencode(".jpg", noise())[1].tobytes()
    note = b"\xff\xe1" + (20).to_bytes(2, "big") + b"Exif\0\0secretplace\0\0"
    made = blurred(plain[:2] + note + plain[2:], [HEAD])
    assert b"secretplace" not in made
    assert b"Exif" not in made


def test_a_note_that_it_is_to_be_turned_uncovers_nothing():
    """Boxes are in pixels as the header counts them; turned by a quarter, a face would lie beside its box."""
    plain = cv2.imencode(".jpg", noise())[1].tobytes()
    height, width = noise().shape[:2]
    turned = b"\xff\xe1" + (34).to_bytes(2) + b"Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
    everything = MarkedBox(kind="head", box=(0, 0, width, height), score=1.0)
    made = cv2.imdecode(np.frombuffer(blurred(plain[:2] + turned + plain[2:], [everything]), np.uint8), cv2.IMREAD_COLOR)
    assert made is not None
    # No detail is left anywhere: in each block of eight across, all is one shade.
    assert max(part.std() for rows in np.array_split(made.astype(float), 60) for part in np.array_split(rows, 80, axis=1)) < 20


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff", b"<script>"])
def test_what_is_no_picture(content: bytes):
    with pytest.raises(NotAPicture):
        blurred(content, [])


async def filed(world: World) -> tuple[EdgeBox, str, int]:
    """A report with a picture in which every pixel is another: the edge, the record's id and the case."""
    box = await world.edge(await world.place("East"))
    picture = cv2.imencode(".jpg", noise(), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    pictures = {"original.jpg": picture, "overlay.jpg": picture}
    manifest = box.manifest(pictures, frame_width=640, frame_height=480, boxes=[PERSON, HEAD])
    assert manifest.files["original.jpg"] == file_digest(picture)
    answer = await box.send(manifest, pictures)
    assert answer.status_code == 201, answer.text
    return box, str(manifest.violation_id), answer.json()["case_id"]


class TestServed:
    async def test_the_shop_sees_the_notice_without_faces(self, any_world: World):
        box, violation, case_id = await filed(any_world)
        chief, owner = await any_world.person(Role.CHIEF), await any_world.person(Role.STORE_OWNER, place=box.place)
        blurred_url = f"/api/v1/evidence/{violation}/blurred.jpg"
        assert (await owner.get(blurred_url)).status_code == 404  # a clue is no matter of the shop's
        await done(chief, case_id, "confirm", "issue")
        answer = await owner.get(blurred_url)
        picture = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        # JPEG rings a little at each edge of a block; a face has ten times that.
        assert picture[60:125, 135:185].astype(float).std() < 0.4 * picture[200:300, 300:400].astype(float).std()
        case = (await owner.get(f"/api/v1/cases/{case_id}")).json()
        assert [(item["files"], item["blurred_url"]) for item in case["evidence"]] == [({}, blurred_url)]

    async def test_is_made_once(self, world: World):
        _, violation, _ = await filed(world)
        officer = await world.person()
        url = f"/api/v1/evidence/{violation}/blurred.jpg"
        first = await officer.get(url)
        (stored,) = (world.centre.settings.data / "files").rglob("blurred-*.jpg")
        assert stored.read_bytes() == first.content
        next((world.centre.settings.data / "files").rglob("original.jpg")).unlink()
        assert (await officer.get(url)).content == first.content

    @pytest.mark.parametrize(
        "role", [Role.STORE_OWNER, Role.STORE_ADMIN, Role.PARTNER, Role.INSTALLER, Role.ADMIN, Role.AUDITOR]
    )
    async def test_faces_are_closed_to(self, world: World, role: Role):
        box, violation, _ = await filed(world)
        person = await world.person(role, place=box.place)
        for name in ("original.jpg", "overlay.jpg", "manifest.json"):
            answer = await person.get(f"/api/v1/evidence/{violation}/{name}", params={"reason": "curious"})
            assert (answer.status_code, problem_code(answer)) == (403, "forbidden")

    async def test_faces_outside_the_review_need_a_reason(self, any_world: World):
        box, violation, case_id = await filed(any_world)
        officer = await any_world.person(Role.OFFICER, place=box.place)
        url = f"/api/v1/evidence/{violation}/original.jpg"
        assert (await officer.get(url)).status_code == 200
        await done(officer, case_id, "confirm")
        for reason in ({}, {"reason": ""}, {"reason": "  "}):
            refused = await officer.get(url, params=reason)
            assert (refused.status_code, problem_code(refused)) == (422, "reason-needed")
        assert (await officer.get(url, params={"reason": "x" * 501})).status_code == 422
        assert (await officer.get(url, params={"reason": "Appeal 7"})).status_code == 200
        await chain_all(any_world.centre)
        auditor = await any_world.person(Role.AUDITOR)
        looks = (await auditor.get("/api/v1/audit", params={"action": "evidence.read"})).json()["items"]
        assert [(look["reason"], look["unit"], look["detail"]) for look in looks] == [
            ("Appeal 7", "East district", {"violation": violation, "file": "original.jpg", "faces": True}),
            (None, "East district", {"violation": violation, "file": "original.jpg", "faces": True}),
        ]

    async def test_a_reason_from_another_site_is_none(self, world: World):
        _, violation, _ = await filed(world)
        leader = await world.person(Role.BUREAU)
        url, elsewhere = f"/api/v1/evidence/{violation}/original.jpg?reason=planted", {"Sec-Fetch-Site": "cross-site"}
        answer = await leader.get(url, headers=elsewhere)
        assert (answer.status_code, problem_code(answer)) == (422, "reason-needed")
        assert (await leader.get(url)).status_code == 200
