"""The official Python SDK of Replicate, 1.0.7."""

import io
import json
import os

os.environ["REPLICATE_POLL_INTERVAL"] = "0.05"

import httpx
import pydantic.v1
import replicate
from replicate.exceptions import ModelError, ReplicateError
from replicate.webhook import InvalidSignatureError, Webhooks

from judge import Hooks, check, fetch, main, raises

FLUX = "black-forest-labs/flux-schnell"
SDXL = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
WHISPER = "8099696689d249cf8b122d833c36ac3f75505c666a395ca40ef26f68e7d3d16e"
LLAMA = "meta/meta-llama-3-70b-instruct"


def client(sim, token="t"):
    return replicate.Client(api_token=token, base_url=sim.base("replicate"))


@check(red=["output", "status", "version", "model"])
def a_run_is_answered_at_once(sim):
    (url,) = client(sim).run(FLUX, input={"prompt": "a cat"})
    assert url.endswith("/out-0.webp"), url
    status, picture = fetch(url)
    assert (status, picture[8:12]) == (200, b"WEBP")
    (post,) = sim.posts()
    assert post["headers"]["prefer"] == "wait" and json.loads(post["body"]) == {"input": {"prompt": "a cat"}}
    (line,) = sim.ledger()
    assert (line["model"], line["charged_usd"], line["status"]) == (FLUX, 0.003, 201)


@check(red=["output", "status"])
def a_run_is_polled(sim):
    output = client(sim).run("bytedance/seedance-1-pro", input={"prompt": "a cat", "duration": 4}, wait=False)
    assert output.endswith("/out-0.mp4"), output
    reads = [request for request in sim.requests() if request["operation"] == "read"]
    assert len(reads) >= 2 and "prefer" not in sim.posts()[0]["headers"]


@check(red=["output", "openapi_schema", "cog_version"])
def a_version_runs_and_is_looked_up(sim):
    output = client(sim).run(f"openai/whisper:{WHISPER}", input={"audio": "https://example.com/a.mp3"})
    assert output["detected_language"] == "english" and output["segments"][0]["start"] == 0
    assert json.loads(sim.posts()[0]["body"])["version"] == WHISPER
    assert sim.requests()[-1]["path"].endswith(f"/models/openai/whisper/versions/{WHISPER}")


@check()
def an_output_that_comes_early_or_in_the_reply_is_taken(sim):
    sim.scenario(quirks=True)
    outputs = [client(sim).run(FLUX, input={"prompt": f"a cat {n}"})[0] for n in range(8)]
    assert any(not isinstance(output, str) and output.url.startswith("data:image/webp;base64,") for output in outputs), outputs


@check(red=["error", "status"])
def a_job_that_fails_raises(sim):
    sim.scenario([{"fault": "job_failed", "first": 1}])
    error = raises(ModelError, client(sim).run, FLUX, input={"prompt": "a cat"})
    assert error.prediction.status == "failed" and "E1000" in str(error)


@check(red=["id", "status"])
def a_job_is_canceled(sim):
    sim.scenario([{"fault": "slow_queue"}])
    prediction = client(sim).models.predictions.create(FLUX, input={"prompt": "a cat"})
    assert prediction.status == "starting"
    prediction.cancel()
    assert client(sim).predictions.get(prediction.id).status == "canceled"
    assert sim.ledger()[0]["charged_usd"] == 0


@check()
def aborted_is_unknown_to_this_sdk(sim):
    sim.scenario([{"fault": "slow_queue"}])
    body = {"input": {"prompt": "a cat"}}
    headers = {"authorization": "Bearer t", "cancel-after": "5s"}
    path = f"{sim.base('replicate')}/v1/models/{FLUX}/predictions"
    made = httpx.post(path, json=body, headers=headers).json()
    while httpx.get(made["urls"]["get"], headers=headers).json()["status"] == "starting":
        pass
    raises(pydantic.v1.ValidationError, client(sim).predictions.get, made["id"])


@check(red=["output"])
def a_stream_comes_to_its_end(sim):
    events = list(client(sim).stream(LLAMA, input={"prompt": "hello there"}))
    kinds = [event.event.value for event in events]
    assert kinds[0] == "logs" and kinds[-1] == "done", kinds
    text = "".join(event.data for event in events if event.event.value == "output")
    assert text == "Simulated answer to: hello there"
    prediction = client(sim).predictions.list().results[0]
    assert "".join(prediction.output) == text


@check()
def a_stream_that_breaks_off_is_noticed(sim):
    sim.scenario([{"fault": "reply_lost", "on": "stream"}])
    events = []

    def follow():
        for event in client(sim).stream(LLAMA, input={"prompt": "hello there"}):
            events.append(event.event.value)

    raises(httpx.HTTPError, follow)
    assert events and "done" not in events


@check(red=["checksums", "urls", "etag", "metadata", "created_at", "name"])
def a_file_is_sent_listed_and_deleted(sim):
    file = client(sim).files.create(io.BytesIO(b"hello"), metadata={"a": 1})
    assert file.size == 5 and file.metadata == {"a": 1} and file.checksums["sha256"].startswith("2cf24dba")
    assert httpx.get(file.urls["get"] + "/download", headers={"authorization": "Bearer t"}).content == b"hello"
    assert file.name and [listed.id for listed in client(sim).files.list()] == [file.id]
    client(sim).files.delete(file.id)
    assert client(sim).files.list() == []


@check(red=["key"])
def a_webhook_comes_twice_and_is_verified(sim):
    sim.scenario([{"fault": "webhook_twice"}])
    hooks = Hooks()
    client(sim).predictions.create(
        version=SDXL, input={"prompt": "a cat"}, webhook=hooks.url("/hook?token=abc"), webhook_events_filter=["start", "completed"]
    )
    deliveries = hooks.wait(4)
    secret = client(sim).webhooks.default.secret()
    statuses, ids = [], set()
    for path, headers, body in deliveries:
        Webhooks.validate(headers={k.lower(): v for k, v in headers.items()}, body=body.decode(), secret=secret, tolerance=300)
        statuses.append(json.loads(body)["status"])
        ids.add({k.lower(): v for k, v in headers.items()}["webhook-id"])
        assert path == "/hook?token=abc"
    assert sorted(statuses) == ["processing", "processing", "succeeded", "succeeded"] and len(ids) == 2
    assert sim.ledger()[0]["token"] == "abc"


@check()
def a_forged_webhook_is_refused(sim):
    sim.scenario([{"fault": "webhook_forged"}])
    hooks = Hooks()
    client(sim).predictions.create(version=SDXL, input={}, webhook=hooks.url(), webhook_events_filter=["completed"])
    secret = client(sim).webhooks.default.secret()

    def verify(delivery):
        headers = {name.lower(): value for name, value in delivery[1].items()}
        Webhooks.validate(headers=headers, body=delivery[2].decode(), secret=secret, tolerance=300)

    # They may overtake each other on their way.
    real, forged = sorted(hooks.wait(2), key=lambda delivery: json.loads(delivery[2])["error"] == "forged")
    raises(InvalidSignatureError, verify, forged)
    verify(real)


@check(red=["detail"])
def keys_are_checked(sim):
    sim.scenario(keys={"replicate": ["right"]})
    error = raises(ReplicateError, client(sim, "wrong").run, FLUX, input={"prompt": "a cat"})
    assert error.status == 401 and error.detail == "You did not pass a valid authentication token"
    assert client(sim, "right").run(FLUX, input={"prompt": "a cat"})
    assert httpx.get(sim.base("replicate") + "/v1/account").status_code == 401


@check(red=["detail"])
def what_is_not_there_is_404(sim):
    error = raises(ReplicateError, client(sim).models.get, "nobody/nothing")
    assert error.status == 404 and error.detail == "The requested resource could not be found."
    error = raises(ReplicateError, client(sim).run, "nobody/nothing", input={})
    assert error.status == 404


@check(red=["detail", "title"])
def inputs_are_validated(sim):
    error = raises(ReplicateError, client(sim).run, FLUX, input={"num_inference_steps": 9})
    assert error.status == 422 and error.title == "Input validation failed"
    assert error.detail == (
        "- input: prompt is required\n- input.num_inference_steps: Must be less than or equal to 4\n"
    )
    assert sim.jobs() == []


@check()
def posts_are_made_once(sim):
    for fault in [{"fault": "throttle"}, {"fault": "error_before", "status": 500}, {"fault": "error_before", "status": 503}]:
        sim.scenario([{**fault, "first": 1}])
        before = len(sim.posts())
        error = raises(ReplicateError, client(sim).run, FLUX, input={"prompt": "a cat"})
        assert error.status in (429, 500, 503) and len(sim.posts()) - before == 1
        assert client(sim).run(FLUX, input={"prompt": "a cat"})
    assert len(sim.jobs()) == 3


@check()
def a_lost_reply_leaves_one_job_that_the_list_shows(sim):
    sim.scenario([{"fault": "reply_lost", "first": 1}])
    raises(httpx.HTTPError, client(sim).run, FLUX, input={"prompt": "lost"})
    (job,) = sim.jobs()
    (listed,) = client(sim).predictions.list().results
    assert (listed.id, listed.input) == (job, {"prompt": "lost"})


@check(red=["results", "next"])
def a_list_has_pages(sim):
    headers = {"authorization": "Bearer t"}
    with httpx.Client(base_url=sim.base("replicate"), headers=headers) as http:
        for number in range(130):
            http.post(f"/v1/models/{FLUX}/predictions", json={"input": {"prompt": str(number)}})
    first = client(sim).predictions.list()
    second = client(sim).predictions.list(first.next)
    prompts = [prediction.input["prompt"] for page in (first, second) for prediction in page.results]
    assert prompts == [str(number) for number in reversed(range(130))] and second.next is None


@check(red=["output"])
def an_expired_output_is_gone(sim):
    sim.scenario([{"fault": "url_expired"}])
    (url,) = client(sim).run(FLUX, input={"prompt": "a cat"})
    assert fetch(url)[0] == 404


@check(red=["latest_version", "owner", "openapi_schema"])
def a_model_tells_its_inputs(sim):
    model = client(sim).models.get(FLUX)
    schema = model.latest_version.openapi_schema["components"]["schemas"]["Input"]
    assert model.owner == "black-forest-labs" and schema["required"] == ["prompt"]
    assert schema["properties"]["num_inference_steps"]["maximum"] == 4


main()
