// What all checks share: a simulator of their own, checks with names, and controls that must fail.
//
// A check is a function that is given the simulator. It asserts on what the SDK returned, and on what the simulator was asked.
// `red` names fields of answers: with one of them renamed the same check has to fail, or it doesn't test that field.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { once } from "node:events";

const CHECK_MS = 25_000;
const CONTROL_MS = 4_000;

export class Simulator {
  static async start() {
    const sim = new Simulator();
    sim.process = spawn(process.env.MOTET_SIM, ["--seed", "7", "--speed", "60"], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface(sim.process.stdout), "line");
    const ready = JSON.parse(line);
    sim.url = ready.url;
    sim.bases = ready.base_urls;
    sim.common = {};
    return sim;
  }

  base(provider, role = "api") {
    return this.bases[provider][role];
  }

  async scenario(faults = [], more = {}) {
    const body = { attempts_optional: true, faults, ...this.common, ...more };
    await this.#ask("PUT", "/_sim/scenario", JSON.stringify(body));
  }

  async reset(common = {}) {
    this.common = common;
    await this.#ask("POST", "/_sim/reset");
    await this.scenario();
  }

  async ledger() {
    return lines(await this.#ask("GET", "/_sim/ledger"));
  }

  async requests() {
    return lines(await this.#ask("GET", "/_sim/requests"));
  }

  /** The requests that would start paid work, as they came. */
  async posts() {
    return (await this.requests()).filter((request) => request.operation === "create");
  }

  async jobs() {
    return (await this.ledger()).map((line) => line.job).filter(Boolean);
  }

  async #ask(method, path, body) {
    const reply = await fetch(this.url + path, { method, body });
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    return reply.text();
  }
}

const lines = (text) => text.split("\n").filter(Boolean).map((line) => JSON.parse(line));

/** Receives webhooks: path, headers and raw body of each. */
export class Hooks {
  received = [];

  static async start() {
    const hooks = new Hooks();
    hooks.server = createServer((request, response) => {
      const pieces = [];
      request.on("data", (piece) => pieces.push(piece));
      request.on("end", () => {
        hooks.received.push({ path: request.url, headers: request.headers, body: Buffer.concat(pieces).toString() });
        response.end();
      });
    });
    hooks.server.listen(0, "127.0.0.1");
    hooks.server.unref();
    await once(hooks.server, "listening");
    return hooks;
  }

  url(path = "/hook") {
    return `http://127.0.0.1:${this.server.address().port}${path}`;
  }

  async wait(count) {
    for (let tries = 0; this.received.length < count; tries++) {
      if (tries > 1000) throw new Error(`${this.received.length} of ${count} webhooks came`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this.received.slice(0, count);
  }
}

const checks = [];

export function check(name, options, run) {
  checks.push({ name, red: options.red ?? [], run });
}

export function equal(actual, expected) {
  const [left, right] = [actual, expected].map((value) => JSON.stringify(value));
  if (left !== right) throw new Error(`${left} is not ${right}`);
}

export function ok(value, what = "a condition") {
  if (!value) throw new Error(`${what} does not hold`);
}

/** What a call throws. */
export async function thrown(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("it was expected to throw");
}

export async function bytes(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

async function within(ms, run, sim) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${ms} ms`)), ms);
  });
  const done = run(sim);
  // A control that hangs is left behind.
  done.catch(() => {});
  try {
    await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function mustPass(sim, name, run, common) {
  await sim.reset(common);
  try {
    await within(CHECK_MS, run, sim);
    const strays = (await sim.requests()).filter((request) => request.operation === null);
    ok(strays.length === 0, `asked for paths that there are not: ${strays.map(({ method, path }) => `${method} ${path}`)}`);
  } catch (error) {
    console.log(`FAILED ${name}\n${error.stack ?? error}`);
    return false;
  }
  console.log(`ok ${name}`);
  return true;
}

async function mustFail(sim, name, run, field) {
  await sim.reset({ rename: { [field]: `${field}_renamed` } });
  try {
    await within(CONTROL_MS, run, sim);
  } catch {
    console.log(`ok ${name}, and it fails without ${field}`);
    return true;
  }
  console.log(`FAILED ${name}: it passes without ${field}, so it does not test it`);
  return false;
}

export async function main() {
  process.on("unhandledRejection", () => {});
  const sim = await Simulator.start();
  const results = [];
  for (const { name, red, run } of checks) {
    const started = Date.now();
    results.push(await mustPass(sim, name, run));
    if (red.length > 0) results.push(await mustPass(sim, `${name}, with unknown fields`, run, { unknown_field: true }));
    for (const field of red) results.push(await mustFail(sim, name, run, field));
    if (process.env.MOTET_SIM_TIMES) console.log(`   ${Date.now() - started} ms`);
  }
  sim.process.kill();
  const passed = results.filter(Boolean).length;
  console.log(`${passed} passed, ${results.length - passed} failed`);
  process.exit(passed === results.length ? 0 : 1);
}
