"""The official Python SDK of Replicate, 2.0 beta 4."""

import json

import httpx
import replicate

from judge import Hooks, check, fetch, main, raises

FLUX = "black-forest-labs/flux-schnell"
OWNER, NAME = FLUX.split("/")
SDXL = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"


def client(sim, token="t", **more):
    return replicate.Replicate(bearer_token=token, base_url=sim.base("replicate") + "/v1", **more)


@check(red=["output"])
def a_run_is_answered_at_once(sim):
    output = client(sim).run(FLUX, input={"prompt": "a cat"})
    url = output[0] if isinstance(output, list) else output
    url = getattr(url, "url", url)
    assert url.endswith("/out-0.webp"), output
    assert fetch(url)[1][8:12] == b"WEBP"
    (post,) = sim.posts()
    assert post["headers"]["prefer"].startswith("wait") and json.loads(post["body"])["input"] == {"prompt": "a cat"}


@check(red=["output", "status"])
def a_prediction_is_polled_to_its_end(sim):
    prediction = client(sim).models.predictions.create(
        model_owner=OWNER, model_name=NAME, input={"prompt": "a cat"}
    )
    assert prediction.status == "starting"
    while prediction.status not in ("succeeded", "failed"):
        prediction = client(sim).predictions.get(prediction_id=prediction.id)
        assert prediction.status is not None
    assert prediction.output[0].endswith("/out-0.webp") and prediction.metrics.total_time > 0


@check(red=["output"])
def a_version_runs(sim):
    output = client(sim).run(f"stability-ai/sdxl:{SDXL}", input={"prompt": "a cat"})
    assert getattr(output[0], "url", output[0]).endswith("/out-0.png"), output


@check(red=["status", "error"])
def a_job_fails(sim):
    sim.scenario([{"fault": "job_failed"}])
    prediction = client(sim).predictions.create(version=SDXL, input={}, prefer="wait")
    assert prediction.status == "failed" and "E1000" in prediction.error


@check(red=["status"])
def a_job_is_canceled(sim):
    sim.scenario([{"fault": "slow_queue"}])
    prediction = client(sim).predictions.create(version=SDXL, input={})
    assert client(sim).predictions.cancel(prediction_id=prediction.id).status == "canceled"


@check(red=["results", "next"])
def a_list_has_pages(sim):
    with httpx.Client(base_url=sim.base("replicate"), headers={"authorization": "Bearer t"}) as http:
        for number in range(110):
            http.post(f"/v1/models/{FLUX}/predictions", json={"input": {"prompt": str(number)}})
    listed = [prediction.input["prompt"] for prediction in client(sim).predictions.list()]
    assert listed == [str(number) for number in reversed(range(110))]


@check(red=["checksums", "key", "username", "latest_version"])
def files_keys_and_models_are_there(sim):
    file = client(sim).files.create(content=("a.txt", b"hello", "text/plain"))
    assert file.checksums.sha256.startswith("2cf24dba") and file.content_type == "text/plain"
    assert client(sim).webhooks.default.secret.get().key.startswith("whsec_")
    assert client(sim).account.get().username == "simulated"
    model = client(sim).models.get(model_owner=OWNER, model_name=NAME)
    assert model.latest_version["id"] if isinstance(model.latest_version, dict) else model.latest_version.id


@check()
def a_webhook_is_verified(sim):
    hooks = Hooks()
    client(sim).predictions.create(version=SDXL, input={}, webhook=hooks.url(), webhook_events_filter=["completed"])
    ((_, headers, body),) = hooks.wait(1)
    secret = client(sim).webhooks.default.secret.get().key
    import base64
    import hashlib
    import hmac

    headers = {name.lower(): value for name, value in headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert json.loads(body)["status"] == "succeeded"


@check()
def errors_have_their_status(sim):
    sim.scenario(keys={"replicate": ["right"]})
    raises(replicate.AuthenticationError, client(sim, "wrong").account.get)
    sim.scenario()
    raises(replicate.NotFoundError, client(sim).predictions.get, prediction_id="nothing")
    error = raises(replicate.UnprocessableEntityError, client(sim).predictions.create, version=SDXL, input={"num_outputs": 9})
    assert error.body["invalid_fields"][0]["type"] == "number_lte"


@check()
def a_post_is_repeated_twice_by_this_sdk(sim):
    for fault in [{"fault": "throttle_no_hint"}, {"fault": "error_before", "status": 500}]:
        sim.reset()
        sim.scenario([{**fault, "first": 2}])
        client(sim).predictions.create(version=SDXL, input={})
        assert (len(sim.posts()), len(sim.jobs())) == (3, 1)


@check()
def a_lost_reply_makes_it_pay_three_times(sim):
    sim.scenario([{"fault": "reply_lost", "first": 2}])
    client(sim).predictions.create(version=SDXL, input={})
    assert (len(sim.posts()), len(sim.jobs())) == (3, 3)


main()
