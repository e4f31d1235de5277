"""The batch endpoint of the test server: files, batches, and replies after a few polls.

    POST /v1/files, POST /v1/batches, GET /v1/batches, GET /v1/batches/ID, GET /v1/files/ID/content

The lines of a batch are calls like all others: they are counted, and fail if the server is set to
let them fail.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web
from server_replies import Call, json_reply

from evalharness.domain import compute_digest

if TYPE_CHECKING:
    from collections.abc import Callable

POLLS = 2  # polls of a batch before it ends


class Batches:
    """The files and batches that the server received.

    Attributes:
        created: the number of batches.
        has_one: set with the first batch.
        ends_as: the state in which batches end.
        tears: whether the last line of an output is truncated.
        failures: the statuses with which the next uploads are refused.
        page_size: the most batches on a page of their list; None for a server that always sends
            the whole list, and does not say whether there is more.
    """

    def __init__(self, calls: list[Call], reply: Callable[[Call], web.Response]) -> None:
        self.created = 0
        self.has_one = asyncio.Event()
        self.ends_as = "completed"
        self.tears = False
        self.page_size: int | None = 100
        self.failures: list[int] = []
        self._calls = calls
        self._reply = reply
        self._files: dict[str, bytes] = {}
        self._batches: dict[str, dict[str, Any]] = {}

    def add_to(self, application: web.Application) -> None:
        """Serve the endpoints at the paths of OpenAI and of Azure."""
        for base in ("/v1", "/openai"):
            application.router.add_post(f"{base}/files", self._upload)
            application.router.add_get(f"{base}/files/{{file}}/content", self._content)
            application.router.add_post(f"{base}/batches", self._create)
            application.router.add_get(f"{base}/batches", self._list)
            application.router.add_get(f"{base}/batches/{{batch}}", self._get)

    async def _upload(self, request: web.Request) -> web.Response:
        if self.failures:
            return json_reply({"error": {"message": "busy"}}, status=self.failures.pop(0))
        form = await request.post()
        if form["purpose"] != "batch":
            return json_reply({"error": {"message": "purpose must be batch"}}, status=400)
        name = f"file-{len(self._files) + 1}"
        self._files[name] = form["file"].file.read()
        return json_reply({"id": name, "object": "file", "purpose": "batch"})

    async def _content(self, request: web.Request) -> web.Response:
        return web.Response(body=self._files[request.match_info["file"]])

    async def _create(self, request: web.Request) -> web.Response:
        options = await request.json()
        lines = [
            msgspec.json.decode(line) for line in self._files[options["input_file_id"]].splitlines()
        ]
        if any(line["url"] != options["endpoint"] for line in lines):
            return json_reply({"error": {"message": "a line is for another endpoint"}}, status=400)
        self.created += 1
        self.has_one.set()
        name = f"batch-{self.created}"
        headers = dict(request.headers)
        self._batches[name] = {
            "id": name,
            "object": "batch",
            "status": "validating",
            "metadata": options["metadata"],
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
            "looks": 0,
            "lines": [(line["custom_id"], self._call(line, headers)) for line in lines],
        }
        return json_reply(self._batch_json(name))

    def _call(self, line: dict[str, Any], headers: dict[str, str]) -> Call:
        body = line["body"]
        call = Call(
            number=len(self._calls) + 1,
            path=f"batch {line['url']}",
            model=body["model"],
            digest=compute_digest(body),
            body=body,
            headers=headers,
        )
        self._calls.append(call)
        return call

    async def _list(self, request: web.Request) -> web.Response:
        """List a page of the batches, the latest first."""
        names = list(reversed(self._batches))
        if self.page_size is None:
            return json_reply({"object": "list", "data": list(map(self._batch_json, names))})
        after = request.query.get("after")
        rest = names[names.index(after) + 1 :] if after else names
        page = rest[: min(int(request.query.get("limit", 20)), self.page_size)]
        content = {"object": "list", "data": [self._batch_json(name) for name in page]}
        return json_reply(content | {"has_more": len(page) < len(rest)})

    async def _get(self, request: web.Request) -> web.Response:
        name = request.match_info["batch"]
        batch = self._batches[name]
        batch["looks"] += 1
        if batch["looks"] == POLLS:
            self._end(batch)
        return json_reply(self._batch_json(name))

    def _batch_json(self, name: str) -> dict[str, Any]:
        return {
            key: value
            for key, value in self._batches[name].items()
            if key not in ("lines", "looks")
        }

    def _end(self, batch: dict[str, Any]) -> None:
        """Write the results of the lines; failed lines go to a separate file."""
        batch["status"] = self.ends_as
        if self.ends_as == "failed":
            batch["errors"] = {"data": [{"code": "too_many", "message": "Enqueued token limit"}]}
            return
        good, bad = [], []
        for key, call in batch["lines"]:
            response = self._reply(call)
            (good if response.status == 200 else bad).append(_line(key, response))
        for field, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                batch[field] = f"file-{len(self._files) + 1}"
                content = b"\n".join(lines) + b"\n"
                self._files[batch[field]] = content[:-100] if self.tears else content


def _line(key: str, response: web.Response) -> bytes:
    body = {"status_code": response.status, "body": msgspec.Raw(response.body)}
    return msgspec.json.encode({"id": key, "custom_id": key, "response": body, "error": None})
