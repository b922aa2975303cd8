// The official JavaScript SDK of Replicate, 1.4.0.

import Replicate, { validateWebhook } from "replicate";
import { Hooks, check, equal, main, ok, thrown } from "./judge.mjs";

const FLUX = "black-forest-labs/flux-schnell";
const SDXL = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc";
const LLAMA = "meta/meta-llama-3-70b-instruct";
const input = { prompt: "a cat" };

const client = (sim, auth = "t") => new Replicate({ auth, baseUrl: `${sim.base("replicate")}/v1` });

check("a run is answered at once", { red: ["output"] }, async (sim) => {
  const [url] = await client(sim).run(FLUX, { input, wait: { mode: "block", timeout: 30, interval: 50 } });
  ok(url.endsWith("/out-0.webp"), url);
  const picture = Buffer.from(await (await fetch(url)).arrayBuffer());
  equal(picture.subarray(8, 12).toString(), "WEBP");
  const [post] = await sim.posts();
  equal([post.headers.prefer, JSON.parse(post.body)], ["wait=30", { input }]);
});

check("a run is polled", { red: ["output", "status"] }, async (sim) => {
  const output = await client(sim).run("bytedance/seedance-1-pro", { input, wait: { mode: "poll", interval: 30 } });
  ok(output.endsWith("/out-0.mp4"), output);
  ok((await sim.requests()).filter((request) => request.operation === "read").length >= 2, "polled");
});

check("a version runs", { red: ["output"] }, async (sim) => {
  const [url] = await client(sim).run(`stability-ai/sdxl:${SDXL}`, { input });
  ok(url.endsWith("/out-0.png"), url);
  equal(JSON.parse((await sim.posts())[0].body).version, SDXL);
});

check("a file in the reply becomes a file", {}, async (sim) => {
  await sim.scenario([], { quirks: true });
  const outputs = [];
  for (let n = 0; n < 8; n++) outputs.push((await client(sim).run(FLUX, { input }))[0]);
  const file = outputs.find((output) => typeof output !== "string");
  ok(file, "a data URI among the outputs");
  equal(Buffer.from(await (await file.blob()).arrayBuffer()).subarray(0, 4).toString(), "RIFF");
});

check("a job that fails throws", { red: ["error", "status"] }, async (sim) => {
  await sim.scenario([{ fault: "job_failed" }]);
  const error = await thrown(() => client(sim).run(FLUX, { input }));
  equal(error.message, "Prediction failed: Prediction failed: the simulated model broke (E1000)");
});

check("a job is canceled", { red: ["status", "id"] }, async (sim) => {
  await sim.scenario([{ fault: "slow_queue" }]);
  const prediction = await client(sim).predictions.create({ model: FLUX, input });
  equal(prediction.status, "starting");
  equal((await client(sim).predictions.cancel(prediction.id)).status, "canceled");
  equal((await client(sim).predictions.get(prediction.id)).status, "canceled");
});

check("a prediction is waited for", { red: ["status", "metrics"] }, async (sim) => {
  const made = await client(sim).predictions.create({ version: SDXL, input });
  const done = await client(sim).wait(made, { interval: 30 });
  equal([done.status, done.metrics.image_count], ["succeeded", 1]);
});

check("a stream comes to its end", {}, async (sim) => {
  const events = [];
  for await (const event of client(sim).stream(LLAMA, { input })) events.push(event);
  equal(events.map(String).join(""), "Simulated answer to: a cat");
  equal(events.at(-1).event, "done");
  const stream = (await sim.requests()).find((request) => request.operation === "stream");
  ok(!("authorization" in stream.headers), "the stream is asked for without a key");
});

check("a stream that breaks off is noticed", {}, async (sim) => {
  await sim.scenario([{ fault: "reply_lost", on: "stream" }]);
  const events = [];
  await thrown(async () => {
    for await (const event of client(sim).stream(LLAMA, { input })) events.push(event.event);
  });
  ok(events.length > 0 && !events.includes("done"), "broken off");
});

check("a file is sent and deleted", { red: ["checksums", "urls"] }, async (sim) => {
  const file = await client(sim).files.create(new Blob(["hello"], { type: "text/plain" }), { a: 1 });
  equal([file.size, file.metadata, file.content_type], [5, { a: 1 }, "text/plain"]);
  ok(file.checksums.sha256.startsWith("2cf24dba") && file.urls.get, "the file object");
  ok(await client(sim).files.delete(file.id), "deleted");
  equal((await client(sim).files.list()).results, []);
});

check("a webhook comes twice and is verified", { red: ["key"] }, async (sim) => {
  await sim.scenario([{ fault: "webhook_twice" }]);
  const hooks = await Hooks.start();
  await client(sim).predictions.create({ version: SDXL, input, webhook: hooks.url("/hook?token=abc"), webhook_events_filter: ["completed"] });
  const { key: secret } = await client(sim).webhooks.default.secret.get();
  for (const { path, headers, body } of await hooks.wait(2)) {
    const [id, timestamp, signature] = ["id", "timestamp", "signature"].map((name) => headers[`webhook-${name}`]);
    ok(await validateWebhook({ id, timestamp, signature, body, secret }), "a signature");
    ok(!(await validateWebhook({ id, timestamp, signature, body: `${body} `, secret })), "a changed body is refused");
    equal([path, JSON.parse(body).status], ["/hook?token=abc", "succeeded"]);
  }
});

check("errors have their status", { red: ["detail", "username"] }, async (sim) => {
  equal((await client(sim).accounts.current()).username, "simulated");
  await sim.scenario([], { keys: { replicate: ["right"] } });
  equal((await thrown(() => client(sim, "wrong").accounts.current())).response.status, 401);
  await sim.scenario();
  equal((await thrown(() => client(sim).models.get("nobody", "nothing"))).response.status, 404);
  const error = await thrown(() => client(sim).run(FLUX, { input: { aspect_ratio: "7:1" } }));
  equal(error.response.status, 422);
  ok(error.message.includes('"detail":"- input: prompt is required'), error.message);
});

check("models are searched with QUERY", { red: ["results", "latest_version"] }, async (sim) => {
  const found = await client(sim).models.search("whisper");
  equal(found.results.map((model) => `${model.owner}/${model.name}`), ["openai/whisper", "vaibhavs10/incredibly-fast-whisper"]);
  const version = found.results[0].latest_version.id;
  equal((await client(sim).models.versions.get("openai", "whisper", version)).id, version);
  equal((await sim.requests())[0].method, "QUERY");
});

check("a throttled post is repeated until it is taken", {}, async (sim) => {
  await sim.scenario([{ fault: "throttle_no_hint", first: 5 }]);
  await client(sim).predictions.create({ version: SDXL, input });
  equal([(await sim.posts()).length, (await sim.jobs()).length], [6, 1]);
});

check("an error is not repeated", {}, async (sim) => {
  for (const status of [500, 503]) {
    await sim.reset();
    await sim.scenario([{ fault: "error_before", status, first: 1 }]);
    equal((await thrown(() => client(sim).predictions.create({ version: SDXL, input }))).response.status, status);
    equal((await sim.posts()).length, 1);
  }
});

check("a lost reply makes it pay six times", {}, async (sim) => {
  await sim.scenario([{ fault: "reply_lost", first: 5 }]);
  await client(sim).predictions.create({ version: SDXL, input });
  equal([(await sim.posts()).length, (await sim.jobs()).length], [6, 6]);
});

check("a list has pages", { red: ["results", "next"] }, async (sim) => {
  for (let n = 0; n < 120; n++) await client(sim).predictions.create({ model: FLUX, input: { prompt: String(n) } });
  const replicate = client(sim);
  const prompts = [];
  for await (const page of replicate.paginate(replicate.predictions.list)) prompts.push(...page.map((one) => one.input.prompt));
  equal(prompts, Array.from({ length: 120 }, (_, n) => String(119 - n)));
});

check("an expired output is gone", { red: ["output"] }, async (sim) => {
  await sim.scenario([{ fault: "url_expired" }]);
  const [url] = await client(sim).run(FLUX, { input });
  equal((await fetch(url)).status, 404);
});

await main();
