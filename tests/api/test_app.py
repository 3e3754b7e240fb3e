import re
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api.accounts.permissions import Role
from api.app import create_app
from api.clients.scopes import OPERATIONS
from api.feed.publisher import publish_all
from api.kit.settings import Settings
from tests.api.world import World, problem_code


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("untouched") / "data"
    described = create_app(Settings(data=folder)).openapi()
    assert not folder.exists(), "describing the API needs no data"
    return described


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method} {path}", operation) for path, item in document["paths"].items() for method, operation in item.items()]


class TestOpenApi:
    def test_is_version_3_1(self, document: dict[str, Any]):
        assert document["openapi"].startswith("3.1.")

    def test_every_operation_has_a_name_and_a_summary(self, document: dict[str, Any]):
        names = [operation["operationId"] for _, operation in operations(document)]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch("[a-z_]+", name) for name in names)
        assert all(operation["summary"] for _, operation in operations(document))

    def test_every_error_is_a_problem_document(self, document: dict[str, Any]):
        for name, operation in operations(document):
            errors = {status: answer for status, answer in operation["responses"].items() if status >= "4"}
            assert {"422", "503"} <= set(errors), name
            for status, answer in errors.items():
                # RFC 6749, 5.2, has a form of its own.
                is_oauth = operation["tags"] == ["tokens"] and status in ("400", "401", "429")
                assert list(answer["content"]) == ["application/json" if is_oauth else "application/problem+json"], name

    def test_every_reference_leads_somewhere(self, document: dict[str, Any]):
        wanted = set(re.findall(r"'#/components/schemas/([^']+)'", str(document)))
        assert wanted <= set(document["components"]["schemas"])

    def test_every_part_has_a_name_that_generators_take(self, document: dict[str, Any]):
        names = [name for parts in document["components"].values() for name in parts]
        assert [name for name in names if not re.fullmatch(r"[A-Za-z0-9._-]+", name)] == []  # OpenAPI 3.1, 4.8.7.1

    def test_no_reference_is_narrowed_beside_it(self, document: dict[str, Any]):
        # Allowed in 3.1, but generators drop one of both, or make a class of it that cannot be loaded (Java).
        assert re.findall(r"\{'\$ref': '([^']+)', '(?:enum|const|type)'", str(document)) == []

    def test_every_operation_tells_who_may_call_it(self, document: dict[str, Any]):
        public = {
            "login", "enrol_edge", "get_health", "issue_token", "revoke_token", "list_centre_keys", "list_badge_keys",
            "get_linked_picture",
        }
        by_machines = {"edge protocol": ["edge"], "alarms": ["alarm_box"]}
        for _, operation in operations(document):
            schemes = [name for scheme in operation.get("security", []) for name in scheme]
            expected = by_machines.get(operation["tags"][0], ["session"])
            expected += ["oauth"] * len(OPERATIONS.get(operation["operationId"], ()))
            assert schemes == ([] if operation["operationId"] in public else expected), operation["operationId"]

    def test_what_no_token_opens_tells_that_it_refuses_one(self, document: dict[str, Any]):
        closed = [operation for _, operation in operations(document) if operation.get("security") == [{"session": []}]]
        assert [one["operationId"] for one in closed if "403" not in one["responses"]] == []

    def test_tokens_open_only_what_there_is(self, document: dict[str, Any]):
        assert set(OPERATIONS) <= {operation["operationId"] for _, operation in operations(document)}

    def test_pages_are_not_in_it(self, document: dict[str, Any]):
        assert all(path.startswith("/api/v1/") or path == "/healthz" for path in document["paths"])

    async def test_is_served(self, world: World):
        answer = await world.client().get("/api/v1/openapi.json")
        assert "ProblemDocument" in answer.json()["components"]["schemas"]


async def test_nothing_is_answered_to_who_is_not_known(world: World, document: dict[str, Any]):
    client, uuid = world.client(headers={"Idempotency-Key": str(uuid4())}), str(uuid4())
    for name, operation in operations(document):
        if operation.get("security"):
            method, path = name.split()
            path = path.replace("{violation_id}", uuid).replace("{name}", "original.jpg").replace("{case_id}", "1")
            answer = await client.request(method, re.sub(r"{\w+}", "x", path))
            assert (answer.status_code, problem_code(answer)) == (401, "unauthenticated"), name


class TestEveryAnswer:
    @pytest.mark.parametrize("path", ["/healthz", "/api/v1/cases", "/api/v1/nowhere", "/api/v1/openapi.json"])
    async def test_has_the_security_headers(self, world: World, path: str):
        headers = (await world.client().get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]

    @pytest.mark.parametrize(("scheme", "is_told"), [("https", True), ("http", False)])
    async def test_keeps_browsers_to_https(self, world: World, scheme: str, is_told: bool):
        headers = (await world.client().get(f"{scheme}://centre.test/login")).headers
        assert ("strict-transport-security" in headers) is is_told

    async def test_is_a_problem_where_nothing_is(self, world: World):
        answer = await world.client().get("/api/v1/nowhere")
        assert (answer.status_code, problem_code(answer)) == (404, "not-found")

    async def test_leads_nowhere_where_a_slash_is_too_much(self, world: World):
        """A redirect would be made of the Host header, without the TLS of a proxy, and programs follow it with their token."""
        answer = await world.client().get("/api/v1/cases/", headers={"Host": "evil.example"})
        assert (answer.status_code, problem_code(answer)) == (404, "not-found")

    async def test_is_a_problem_for_another_method(self, world: World):
        answer = await world.client().delete("/api/v1/login")
        assert (answer.status_code, problem_code(answer)) == (405, "method-not-allowed")
        assert answer.headers["allow"] == "POST"
        answer = await world.client().post("/api/v1/shops/some")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, PUT")

    async def test_has_the_same_headers_without_a_body(self, world: World):
        """Monitors, proxies and libraries that fetch pictures ask so first."""
        officer = await world.person()
        for path in ("/healthz", "/login", "/api/v1/shops", "/api/v1/shops/none"):
            whole, head = await officer.get(path), await officer.head(path)
            assert (head.status_code, head.content) == (whole.status_code, b""), path
            for name in ("Content-Length", "Content-Type", "ETag"):
                assert head.headers.get(name) == whole.headers.get(name), (path, name)
        assert (await officer.head("/api/v1/login")).status_code == 405

    async def test_is_a_problem_when_something_of_ours_breaks(self, world: World, monkeypatch: pytest.MonkeyPatch):
        async def broken(*_: object, **__: object) -> None:
            raise RuntimeError("secret detail")

        officer = await world.person()
        monkeypatch.setattr("api.cases.service.list_cases", broken)
        answer = await officer.get("/api/v1/cases")
        assert (answer.status_code, problem_code(answer)) == (500, "internal")
        assert "secret detail" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_of_a_body_that_is_too_large(self, world: World):
        answer = await world.client().post("/api/v1/login", content=b" " * 2_000_001)
        assert (answer.status_code, problem_code(answer)) == (413, "too-large")

    async def test_of_a_key_that_is_missing(self, world: World):
        admin = await world.person(Role.ADMIN)
        body = {
            "name": "Platform", "channel": "webhook", "audience": "authority", "url": "https://example.org/x",
            "events": ["case.issued"],
        }
        target = (await admin.post("/api/v1/targets", json=body)).json()
        world.centre.keyring = world.centre.keyring.with_new_key().only_current()
        answer = await admin.put(f"/api/v1/targets/{target['id']}", json=body)
        assert (answer.status_code, problem_code(answer), answer.headers["retry-after"]) == (503, "key-missing", "60")

    async def test_of_a_character_that_no_text_column_holds(self, any_world: World):
        admin = await any_world.person(is_admin=True)
        answer = await admin.post("/api/v1/districts", json={"name": "nul\x00"})
        assert answer.status_code in (201, 422)


async def test_a_request_that_breaks_off_is_no_error_of_ours(world: World):
    box, sent = await world.edge(await world.place()), []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "multipart/form-data; boundary=x"}
    url = "http://centre.test/api/v1/edge/violations"
    request = box.sign(httpx.Request("POST", url, headers=headers, content=b"--x"))
    scope = {
        "type": "http", "method": "POST", "path": request.url.path, "raw_path": request.url.raw_path, "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw], "scheme": "http", "http_version": "1.1",
        "server": ("centre.test", 80), "client": ("192.0.2.1", 1), "root_path": "",
    }
    await world.app(scope, receive, send)
    assert sent[0]["status"] == 503


async def test_health_of_a_database_that_does_not_answer(world: World):
    assert (await world.client().get("/healthz")).json() == {"status": "ok"}
    await world.reopen_database(wait_s=0.1)
    (world.centre.settings.data / "sunshine.db").unlink()
    (world.centre.settings.data / "sunshine.db").mkdir()
    answer = await world.client().get("/healthz")
    assert (answer.status_code, problem_code(answer)) == (503, "unavailable")


async def test_health_of_a_database_that_answers_and_holds_nothing_of_ours(any_world: World):
    async with any_world.centre.database.writing() as work:
        await work.execute(text("DROP TABLE alembic_version"))
    answer = await any_world.client().get("/healthz")
    assert (answer.status_code, problem_code(answer)) == (503, "unavailable")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("path", ["cases", "districts", "shops", "areas", "cameras", "edges", "audit"])
async def test_every_list_is_read_page_by_page(any_world: World, path: str):
    for name in ("A", "B", "C"):
        await any_world.case(await any_world.place(name))
    client, found, cursor = await any_world.person(is_admin=True), [], None
    while True:
        page = (await client.get(f"/api/v1/{path}", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        found += [row["id"] for row in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["items"]) == 2
    whole = (await client.get(f"/api/v1/{path}", params={"limit": 200})).json()["items"]
    assert len(found) >= 3
    assert found == [row["id"] for row in whole]


async def test_a_cursor_goes_on_only_in_the_list_and_with_the_filters_that_it_came_from(world: World):
    """Taken for another's, it would pass over what is there, and nobody would know."""
    for name in ("A", "B"):
        await world.case(await world.place(name))
    await publish_all(world.centre)
    client = await world.person(is_admin=True)
    lists = ("cases", "cases?state=pending_review", "districts", "shops", "areas", "cameras", "edges", "audit", "audit?who=test")

    async def page(path: str, **asked: Any) -> httpx.Response:
        address, _, filters = path.partition("?")
        return await client.get(f"/api/v1/{address}", params=dict(parse_qsl(filters)) | asked)

    cursors = {path: (await page(path, limit=1)).json()["next"] for path in lists}
    assert all(cursors.values()), cursors
    of_events = (await client.get("/api/v1/events", params={"limit": 1})).json()["next"]
    for path in lists:
        for origin, cursor in (cursors | {"events": of_events}).items():
            answer = await page(path, cursor=cursor)
            if origin == path:
                assert answer.status_code == 200, path
            else:
                assert (answer.status_code, problem_code(answer)) == (422, "bad-cursor"), (origin, path)
        answer = await client.get("/api/v1/events", params={"after": cursors[path]})
        assert (answer.status_code, problem_code(answer)) == (422, "bad-cursor"), path
