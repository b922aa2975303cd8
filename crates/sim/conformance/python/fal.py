"""The official Python SDK of fal, 1.0.3."""

import json
import os
import urllib.parse

os.environ["FAL_KEY"] = "id:secret"

import fal_client
import fal_client.client as module
import httpx
from fal_client.client import FalClientHTTPError

from judge import Hooks, check, fetch, main, raises

DEV = "fal-ai/flux/dev"


def client(sim, key="id:secret"):
    module.QUEUE_URL_FORMAT = sim.base("fal", "queue") + "/"
    module.RUN_URL_FORMAT = sim.base("fal", "run") + "/"
    module.REST_URL = sim.base("fal", "rest")
    module.CDN_URL = sim.base("fal", "cdn")
    return fal_client.SyncClient(key=key)


@check(red=["images", "url"])
def a_run_is_answered_at_once(sim):
    result = client(sim).run("fal-ai/fast-sdxl", arguments={"prompt": "a cat", "image_size": {"width": 640, "height": 384}})
    (image,) = result["images"]
    assert (image["width"], image["height"], image["content_type"]) == (640, 384, "image/jpeg")
    status, picture = fetch(image["url"])
    assert status == 200 and picture[:2] == b"\xff\xd8" and len(picture) == image["file_size"]
    assert sim.posts()[0]["path"] == "/fal/run/fal-ai/fast-sdxl"


@check(red=["request_id", "status", "logs", "response_url", "status_url", "images"])
def a_job_is_followed_to_its_end(sim):
    updates = []
    result = client(sim).subscribe(
        DEV, arguments={"prompt": "a cat"}, with_logs=True, on_queue_update=updates.append
    )
    assert result["prompt"] == "a cat" and result["images"][0]["width"] == 1024
    last = updates[-1]
    assert isinstance(last, fal_client.Completed) and last.logs[0]["message"] == "simulated run" and not last.error
    (line,) = sim.ledger()
    assert (line["model"], line["charged_usd"]) == (DEV, 0.01875)


@check()
def a_job_that_waits_is_seen_waiting(sim):
    sim.scenario([{"fault": "slow_queue"}])
    updates = []
    client(sim).subscribe(DEV, arguments={"prompt": "a cat"}, on_queue_update=updates.append)
    assert isinstance(updates[0], fal_client.Queued) and updates[0].position == 0, updates
    assert isinstance(updates[-1], fal_client.Completed)


@check(red=["request_id", "cancel_url"])
def a_submission_says_what_it_wants(sim):
    handle = client(sim).submit(
        DEV, arguments={"prompt": "a cat"}, webhook_url="http://127.0.0.1:9/hook?token=a%20b", priority="low", hint="h", start_timeout=30
    )
    (post,) = sim.posts()
    headers = post["headers"]
    assert headers["x-fal-queue-priority"] == "low" and headers["x-fal-runner-hint"] == "h"
    assert float(headers["x-fal-request-timeout"]) == 30
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(post["path"]).query)
    assert query["fal_webhook"] == ["http://127.0.0.1:9/hook?token=a%20b"]
    assert handle.get()["images"] and sim.ledger()[0]["token"] == "a b"
    assert any(request["path"].startswith(f"/fal/queue/fal-ai/flux/requests/{handle.request_id}/status") for request in sim.requests())
    assert handle.cancel_url.endswith(f"/fal-ai/flux/requests/{handle.request_id}/cancel")


@check(red=["error", "error_type"])
def a_job_that_fails_is_completed_with_an_error(sim):
    sim.scenario([{"fault": "job_failed"}])
    handle = client(sim).submit(DEV, arguments={"prompt": "a cat"})
    for status in handle.iter_events(interval=0.02):
        pass
    assert isinstance(status, fal_client.Completed) and status.error_type == "internal_server_error"
    assert status.error == "Invalid status code: 500"
    error = raises(FalClientHTTPError, handle.get)
    assert error.status_code == 500 and sim.ledger()[0]["charged_usd"] == 0


@check(red=["error_type", "status"])
def a_job_is_cancelled(sim):
    sim.scenario([{"fault": "slow_queue"}])
    handle = client(sim).submit(DEV, arguments={"prompt": "a cat"})
    handle.cancel()
    status = handle.status()
    assert isinstance(status, fal_client.Completed) and status.error_type == "client_cancelled"
    assert raises(FalClientHTTPError, handle.get).status_code == 499
    assert [request["method"] for request in sim.requests() if request["operation"] == "cancel"] == ["PUT"]


@check()
def a_cancelled_job_may_run_on(sim):
    sim.scenario([{"fault": "cancelled_too_late"}, {"fault": "slow_queue"}])
    handle = client(sim).submit(DEV, arguments={"prompt": "a cat"})
    handle.cancel()
    assert handle.get()["images"] and sim.ledger()[0]["charged_usd"] == 0.01875


@check(red=["detail"])
def wrong_inputs_are_the_result_of_the_job(sim):
    error = raises(FalClientHTTPError, client(sim).run, DEV, arguments={"num_images": 9})
    assert error.status_code == 422
    detail = json.loads(error.response.content)["detail"]
    assert [(item["loc"], item["type"]) for item in detail] == [
        (["body", "prompt"], "missing"),
        (["body", "num_images"], "less_than_equal"),
    ]
    handle = client(sim).submit(DEV, arguments={})
    error = raises(FalClientHTTPError, handle.get)
    assert error.status_code == 422 and error.response.headers["x-fal-billable-units"] == "0"


@check()
def content_is_refused(sim):
    sim.scenario([{"fault": "content"}])
    error = raises(FalClientHTTPError, client(sim).subscribe, DEV, arguments={"prompt": "a cat"})
    assert json.loads(error.response.content)["detail"][0]["type"] == "content_policy_violation"


@check()
def a_stream_comes_to_its_end(sim):
    events = list(client(sim).stream(DEV, arguments={"prompt": "a cat"}))
    assert len(events) == 3 and events[-1]["images"][0]["width"] == 1024
    assert sim.posts()[0]["path"] == "/fal/run/fal-ai/flux/dev/stream"


@check()
def a_stream_that_breaks_off_is_noticed(sim):
    sim.scenario([{"fault": "reply_lost"}])
    events = []

    def follow():
        for event in client(sim).stream(DEV, arguments={"prompt": "a cat"}):
            events.append(event)

    raises(httpx.HTTPError, follow)
    assert len(events) < 3


@check(red=["token", "access_url"])
def a_file_is_sent(sim):
    url = client(sim).upload(b"hello", "text/plain", file_name="a.txt")
    paths = [request["path"].split("?")[0] for request in sim.requests() if request["operation"] == "upload"]
    assert paths == ["/fal/rest/storage/auth/token", "/fal/cdn/files/upload"], paths
    assert fetch(url) == (200, b"hello") and url.endswith("/a.txt")


@check()
def an_uploaded_picture_is_known(sim):
    image = client(sim).run("fal-ai/flux/schnell", arguments={"prompt": "a", "image_size": "portrait_16_9", "output_format": "png"})
    sent = client(sim).upload(fetch(image["images"][0]["url"])[1], "image/png", file_name="a.png")
    larger = client(sim).run("fal-ai/esrgan", arguments={"image_url": sent, "scale": 2})
    assert (larger["image"]["width"], larger["image"]["height"]) == (1152, 2048)


@check()
def a_webhook_comes_twice(sim):
    sim.scenario([{"fault": "webhook_twice"}])
    hooks = Hooks()
    handle = client(sim).submit(DEV, arguments={"prompt": "a cat"}, webhook_url=hooks.url("/hook?token=abc"))
    for path, headers, body in hooks.wait(2):
        headers = {name.lower(): value for name, value in headers.items()}
        assert path == "/hook?token=abc" and headers["x-fal-webhook-request-id"] == handle.request_id
        assert len(headers["x-fal-webhook-signature"]) == 128
        told = json.loads(body)
        assert (told["status"], told["request_id"]) == ("OK", handle.request_id) and told["payload"]["images"]


@check(red=["detail"])
def keys_are_checked(sim):
    sim.scenario(keys={"fal": ["id:right"]})
    error = raises(FalClientHTTPError, client(sim, "id:wrong").run, DEV, arguments={"prompt": "a cat"})
    assert error.status_code == 401 and json.loads(error.response.content)["detail"]
    assert client(sim, "id:right").run(DEV, arguments={"prompt": "a cat"})
    assert httpx.post(sim.base("fal", "run") + "/" + DEV, json={"prompt": "a"}).status_code == 401


@check()
def what_is_not_there_is_404(sim):
    assert raises(FalClientHTTPError, client(sim).run, "nobody/nothing", arguments={}).status_code == 404
    assert raises(FalClientHTTPError, client(sim).result, DEV, "nothing").status_code == 404


@check()
def a_json_error_is_not_repeated(sim):
    for status in (500, 503):
        sim.reset()
        sim.scenario([{"fault": "error_before", "status": status, "first": 1}])
        error = raises(FalClientHTTPError, client(sim).submit, DEV, arguments={"prompt": "a cat"})
        assert error.status_code == status and len(sim.posts()) == 1


@check()
def a_throttled_submission_is_repeated(sim):
    sim.scenario([{"fault": "throttle_no_hint", "first": 1}])
    client(sim).submit(DEV, arguments={"prompt": "a cat"})
    assert (len(sim.posts()), len(sim.jobs())) == (2, 1)


@check()
def a_lost_reply_makes_it_pay_twice(sim):
    sim.scenario([{"fault": "reply_lost", "first": 1}])
    client(sim).submit(DEV, arguments={"prompt": "a cat"})
    assert (len(sim.posts()), len(sim.jobs())) == (2, 2)


@check()
def past_requests_are_listed(sim):
    handle = client(sim).submit(DEV, arguments={"prompt": "lost"})
    handle.get()
    query = {"endpoint_id": DEV, "expand": "payloads"}
    headers = {"authorization": "Key id:secret"}
    listed = httpx.get(sim.base("fal", "api") + "/v1/models/requests/by-endpoint", params=query, headers=headers).json()
    (item,) = listed["items"]
    assert (item["request_id"], item["json_input"]) == (handle.request_id, {"prompt": "lost"})


@check()
def an_expired_output_is_gone(sim):
    sim.scenario([{"fault": "url_expired"}])
    url = client(sim).run(DEV, arguments={"prompt": "a cat"})["images"][0]["url"]
    assert fetch(url)[0] == 404


main()
