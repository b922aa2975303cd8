// usage: node aimock.mjs PACKAGES KEY FIXTURES POLLS
// aimock, with one key and the fixtures of a file; a job of fal ends after POLLS questions. `@name` in the fixtures stands for the
// bytes of that file as text. Says where it is in one line of JSON.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [packages, key, fixtures, polls] = process.argv.slice(2);
const { LLMock } = createRequire(`${packages}/`)("@copilotkit/aimock");

const mock = new LLMock({ port: 0, auth: { apiKeys: [key] }, falQueue: { pollsBeforeInProgress: 1, pollsBeforeCompleted: Number(polls) } });
const bytes = (_, name) => readFileSync(name).toString("base64");
mock.addFixturesFromJSON(readFileSync(fixtures, "utf8").replaceAll(/@(\w+\.\w+)/g, bytes));
await mock.start();

// aimock tells the hosts of fal apart by this header, which its users are to have their clients send.
mock.serverInstance.server.prependListener("request", (request) => {
  if (request.url.startsWith("/fal/")) request.headers["x-fal-target-host"] = "queue.fal.run";
});
console.log(JSON.stringify({ url: mock.url }));
