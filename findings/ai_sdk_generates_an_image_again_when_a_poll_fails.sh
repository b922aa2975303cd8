#!/usr/bin/env bash
# usage: findings/ai_sdk_generates_an_image_again_when_a_poll_fails.sh
#
# ai 7.0.173 (npm) with @ai-sdk/luma 3.0.41 and @ai-sdk/black-forest-labs 2.0.41: `generateImage` retries a model's call as a whole, and
# the call of such a model is three requests: it submits a job, polls it and downloads the picture. So one 503 to a poll, or to the
# download of a picture that is ready, submits the job once more: a second picture is made and billed, and nobody hears of the first.
# It looks as if a GET were retried. `maxRetries: 0` ends this, but then one such 503 loses the picture.
# `experimental_generateVideo` of the same package, here with @ai-sdk/replicate 3.0.46, polls the same job again.
#
# Seen: the requests that one call makes when the server answers one GET with 503, and all others as documented. Needs node 20 or
# later, npm and its registry. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts \
    ai@7.0.173 @ai-sdk/luma@3.0.41 @ai-sdk/black-forest-labs@2.0.41 @ai-sdk/replicate@3.0.46 >/dev/null

cat >generate.mjs <<'JS'
import { createServer } from "node:http";
import { experimental_generateVideo as generateVideo, generateImage } from "ai";
import { createBlackForestLabs } from "@ai-sdk/black-forest-labs";
import { createLuma } from "@ai-sdk/luma";
import { createReplicate } from "@ai-sdk/replicate";

let [refused, asked] = [];
const server = createServer((request, response) => request.resume().on("end", () => {
  const step = request.method === "POST" ? "submit" : request.url === "/result" ? "download" : "poll";
  const first = !asked.includes(step);
  asked.push(step);
  const busy = step === refused && first;
  const result = `${home}/result`;
  const jobs = {
    luma: { id: "job", state: step === "submit" ? "queued" : "completed", assets: { image: result } },
    flux: { id: "job", polling_url: `${home}/flux/get_result?id=job`, status: "Ready", result: { sample: result } },
    film: { id: "job", urls: { get: `${home}/film/job` }, status: step === "submit" ? "starting" : "succeeded", output: result },
  };
  const job = jobs[request.url.split("/")[1]];
  response.writeHead(busy ? 503 : 200, { "content-type": step === "download" ? "image/png" : "application/json" });
  response.end(step === "download" ? "a picture" : JSON.stringify(busy ? { detail: "busy" } : job));
}));
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const home = `http://127.0.0.1:${server.address().port}`;

const prompt = "a cat";
const soon = { pollIntervalMillis: 1 };
const luma = createLuma({ apiKey: "key", baseURL: `${home}/luma` }).image("photon-1");
const flux = createBlackForestLabs({ apiKey: "key", baseURL: `${home}/flux` }).image("flux-pro-1.1");
const film = createReplicate({ apiToken: "token", baseURL: `${home}/film` }).video("owner/name");
// The bytes of the video are not what this is about.
const download = async () => ({ data: new Uint8Array([1]), mediaType: "video/mp4" });
const byLuma = () => generateImage({ model: luma, prompt, providerOptions: { luma: soon } });
const byFlux = () => generateImage({ model: flux, prompt, providerOptions: { blackForestLabs: soon } });
const byReplicate = () => generateVideo({ model: film, prompt, download, poll: { intervalMs: 1 } });
const cases = [
  ["an image by Luma", "poll", byLuma],
  ["an image by Luma", "download", byLuma],
  ["an image by Black Forest Labs", "poll", byFlux],
  ["an image by Black Forest Labs", "download", byFlux],
  ["a video by Replicate", "poll", byReplicate],
];
for (const [name, step, call] of cases) {
  [refused, asked] = [step, []];
  await call();
  console.log(`${name}, the first ${step} refused: ${asked.join(", ")}`);
}
server.close();
JS

seen=$(node generate.mjs)
expected='an image by Luma, the first poll refused: submit, poll, submit, poll, download
an image by Luma, the first download refused: submit, poll, download, submit, poll, download
an image by Black Forest Labs, the first poll refused: submit, poll, submit, poll, download
an image by Black Forest Labs, the first download refused: submit, poll, download, submit, poll, download
a video by Replicate, the first poll refused: submit, poll, poll'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
