// The official JavaScript SDK of fal, 1.10.1.

import { ApiError, ValidationError, createFalClient } from "@fal-ai/client";
import { Hooks, check, equal, main, ok, thrown } from "./judge.mjs";

const DEV = "fal-ai/flux/dev";
const input = { prompt: "a cat" };

function client(sim, credentials = "id:secret") {
  const hosts = { "https://queue.fal.run": "queue", "https://fal.run": "run", "https://rest.fal.ai": "rest", "https://rest.alpha.fal.ai": "rest" };
  const local = (url) => {
    for (const [host, role] of Object.entries(hosts)) if (url.startsWith(`${host}/`)) return url.replace(host, sim.base("fal", role));
    return url;
  };
  return createFalClient({ credentials, requestMiddleware: async (request) => ({ ...request, url: local(request.url) }) });
}

check("a run is answered at once", { red: ["images", "url"] }, async (sim) => {
  const { data, requestId } = await client(sim).run("fal-ai/fast-sdxl", { input: { ...input, image_size: { width: 640, height: 384 } } });
  const [image] = data.images;
  equal([image.width, image.height, image.content_type], [640, 384, "image/jpeg"]);
  equal(Buffer.from(await (await fetch(image.url)).arrayBuffer()).length, image.file_size);
  equal(requestId, (await sim.jobs())[0]);
});

check("a job is followed by polling", { red: ["request_id", "status", "logs", "images"] }, async (sim) => {
  const updates = [];
  const { data } = await client(sim).subscribe(DEV, { input, pollInterval: 20, logs: true, onQueueUpdate: (update) => updates.push(update) });
  equal([data.prompt, data.images[0].width], ["a cat", 1024]);
  equal([updates.at(-1).status, updates.at(-1).logs[0].message], ["COMPLETED", "simulated run"]);
});

check("a job is followed by a stream", { red: ["request_id", "status"] }, async (sim) => {
  const updates = [];
  const { data } = await client(sim).subscribe(DEV, { input, mode: "streaming", logs: true, onQueueUpdate: (update) => updates.push(update) });
  equal(data.prompt, "a cat");
  equal(updates.at(-1).status, "COMPLETED");
  ok((await sim.requests()).some((request) => request.operation === "stream"), "streamed");
});

check("a job that waits is seen waiting", {}, async (sim) => {
  await sim.scenario([{ fault: "slow_queue" }]);
  const updates = [];
  await client(sim).subscribe(DEV, { input, pollInterval: 20, onQueueUpdate: (update) => updates.push(update) });
  equal([updates[0].status, updates[0].queue_position, updates.at(-1).status], ["IN_QUEUE", 0, "COMPLETED"]);
});

check("a submission says what it wants", { red: ["request_id"] }, async (sim) => {
  const url = "http://127.0.0.1:9/hook?token=a%20b";
  const { request_id } = await client(sim).queue.submit(DEV, { input, webhookUrl: url, priority: "low", startTimeout: 30 });
  const [post] = await sim.posts();
  equal([post.headers["x-fal-queue-priority"], Number(post.headers["x-fal-request-timeout"])], ["low", 30]);
  equal(new URL(post.path, sim.url).searchParams.get("fal_webhook"), url);
  equal(JSON.parse(post.body), input);
  equal([(await sim.ledger())[0].token, request_id], ["a b", (await sim.jobs())[0]]);
});

check("status, result and cancel are asked without the sub-path", { red: ["status", "images"] }, async (sim) => {
  const { request_id: requestId } = await client(sim).queue.submit(DEV, { input });
  let status;
  do status = await client(sim).queue.status(DEV, { requestId });
  while (["IN_QUEUE", "IN_PROGRESS"].includes(status.status));
  equal(status.status, "COMPLETED");
  equal((await client(sim).queue.result(DEV, { requestId })).data.images.length, 1);
  await thrown(() => client(sim).queue.cancel(DEV, { requestId }));
  const cancel = (await sim.requests()).at(-1);
  equal([cancel.method, cancel.path, cancel.status], ["PUT", `/fal/queue/fal-ai/flux/requests/${requestId}/cancel`, 400]);
});

check("a job is cancelled", { red: ["status"] }, async (sim) => {
  await sim.scenario([{ fault: "slow_queue" }]);
  const { request_id: requestId } = await client(sim).queue.submit(DEV, { input });
  await client(sim).queue.cancel(DEV, { requestId });
  equal((await client(sim).queue.status(DEV, { requestId })).status, "COMPLETED");
  const error = await thrown(() => client(sim).queue.result(DEV, { requestId }));
  equal([error.status, (await sim.ledger())[0].charged_usd], [499, 0]);
});

check("a job that fails throws", {}, async (sim) => {
  await sim.scenario([{ fault: "job_failed" }]);
  const error = await thrown(() => client(sim).subscribe(DEV, { input, pollInterval: 20 }));
  ok(error instanceof ApiError && error.status === 500, String(error));
});

check("wrong inputs are told by field", { red: ["detail", "loc"] }, async (sim) => {
  const error = await thrown(() => client(sim).run(DEV, { input: { num_images: 9 } }));
  ok(error instanceof ValidationError, String(error));
  equal(error.getFieldErrors("prompt").map(({ type, msg }) => [type, msg]), [["missing", "Field required"]]);
  equal(error.fieldErrors.length, 2);
});

check("a stream comes to its end", { red: ["images"] }, async (sim) => {
  const stream = await client(sim).stream(DEV, { input });
  const events = [];
  for await (const event of stream) events.push(event);
  equal([events.length, (await stream.done()).images[0].width], [3, 1024]);
  equal((await sim.posts())[0].path.split("?")[0], "/fal/run/fal-ai/flux/dev/stream");
});

check("a stream that breaks off is noticed", {}, async (sim) => {
  await sim.scenario([{ fault: "reply_lost" }]);
  const stream = await client(sim).stream(DEV, { input });
  await thrown(() => stream.done());
});

check("a file is sent", { red: ["upload_url", "file_url"] }, async (sim) => {
  const url = await client(sim).storage.upload(new File(["hello"], "a.txt", { type: "text/plain" }));
  ok(url.startsWith(sim.base("fal", "cdn")), url);
  equal(await (await fetch(url)).text(), "hello");
});

check("a webhook comes twice", {}, async (sim) => {
  await sim.scenario([{ fault: "webhook_twice" }]);
  const hooks = await Hooks.start();
  const { request_id } = await client(sim).queue.submit(DEV, { input, webhookUrl: hooks.url("/hook?token=abc") });
  for (const { path, headers, body } of await hooks.wait(2)) {
    equal([path, headers["x-fal-webhook-request-id"]], ["/hook?token=abc", request_id]);
    equal([JSON.parse(body).status, JSON.parse(body).payload.images.length], ["OK", 1]);
  }
});

check("errors have their status", {}, async (sim) => {
  equal((await thrown(() => client(sim).run("nobody/nothing", { input }))).status, 404);
  await sim.scenario([], { keys: { fal: ["id:right"] } });
  equal((await thrown(() => client(sim, "id:wrong").run(DEV, { input }))).status, 401);
});

check("a throttled submission is repeated", {}, async (sim) => {
  await sim.scenario([{ fault: "throttle_no_hint", first: 1 }]);
  await client(sim).queue.submit(DEV, { input });
  equal([(await sim.posts()).length, (await sim.jobs()).length], [2, 1]);
});

check("a broken provider is not asked again", {}, async (sim) => {
  await sim.scenario([{ fault: "error_before", status: 500, first: 1 }]);
  equal((await thrown(() => client(sim).queue.submit(DEV, { input }))).status, 500);
  equal((await sim.posts()).length, 1);
});

check("a lost reply makes it pay twice", {}, async (sim) => {
  await sim.scenario([{ fault: "reply_lost", first: 1 }]);
  await client(sim).queue.submit(DEV, { input });
  equal([(await sim.posts()).length, (await sim.jobs()).length], [2, 2]);
});

check("an expired output is gone", { red: ["url"] }, async (sim) => {
  await sim.scenario([{ fault: "url_expired" }]);
  const { data } = await client(sim).run(DEV, { input });
  equal((await fetch(data.images[0].url)).status, 404);
});

await main();
