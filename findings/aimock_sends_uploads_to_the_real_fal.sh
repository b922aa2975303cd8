#!/usr/bin/env bash
# usage: findings/aimock_sends_uploads_to_the_real_fal.sh
#
# @copilotkit/aimock 1.43.0 with @fal-ai/client 1.10.1 (npm): whoever sends the client's requests to aimock by `requestMiddleware` and the
# header `x-fal-target-host`, as aimock asks for, still uploads files to fal. aimock answers `storage/upload/initiate` with an address
# at `https://rest.fal.ai`, and the client sends the bytes there by `fetch`, past its middleware. In the same way the addresses of a
# job's status and result name `https://queue.fal.run`.
#
# Seen: the hosts that the client asks for an upload, and those that a submission names. No request leaves this machine: `fetch` refuses
# all other hosts. Needs node 18 or later, npm and its registry. Ends with 1 if what is seen differs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @copilotkit/aimock@1.43.0 @fal-ai/client@1.10.1 >/dev/null

cat >upload.mjs <<'JS'
import { LLMock } from "@copilotkit/aimock";
import { createFalClient } from "@fal-ai/client";

const mock = new LLMock({ port: 0 });
mock.onFalQueue(/flux/, { images: [] });
await mock.start();

const asked = [];
const network = globalThis.fetch;
globalThis.fetch = async (url, options) => {
  const place = new URL(url);
  const here = place.origin === mock.url;
  asked.push(`${options?.method ?? "GET"} ${here ? "the mock" : place.host}`);
  if (!here) throw new Error("this would have left the machine");
  return network(url, options);
};

const requestMiddleware = async (request) => {
  const { host, pathname, search } = new URL(request.url);
  return { ...request, url: `${mock.url}/fal${pathname}${search}`, headers: { ...request.headers, "x-fal-target-host": host } };
};
const fal = createFalClient({ credentials: "id:secret", requestMiddleware });
const job = await fal.queue.submit("fal-ai/flux/dev", { input: { prompt: "a cat" } });
console.log("a job is to be polled at", new URL(job.status_url).host, "and fetched at", new URL(job.response_url).host);
asked.length = 0;
await fal.storage.upload(new Blob(["a picture"], { type: "image/png" })).catch(() => {});
console.log("an upload asks:", [...new Set(asked)].join(", then "));
await mock.stop();
JS

seen=$(node upload.mjs)
expected='a job is to be polled at queue.fal.run and fetched at queue.fal.run
an upload asks: POST the mock, then PUT rest.fal.ai'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { printf 'expected:\n%s\n' "$expected" >&2; exit 1; }
