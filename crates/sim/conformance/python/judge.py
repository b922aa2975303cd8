"""What all checks share: a simulator of their own, checks with names, and controls that must fail.

A check is a function that is given the simulator. It asserts on what the SDK returned, and on what the simulator was asked.
`red` names fields of answers: with one of them renamed the same check has to fail, or it doesn't test that field.
"""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import urllib.request

CHECK_SECONDS = 25
CONTROL_SECONDS = 4


class Simulator:
    def __init__(self, *arguments):
        command = [os.environ["MOTET_SIM"], "--seed", "7", "--speed", "60", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        ready = json.loads(self.process.stdout.readline())
        self.url, self.bases, self.common = ready["url"], ready["base_urls"], {}

    def base(self, provider, role="api"):
        return self.bases[provider][role]

    def scenario(self, faults=(), **more):
        body = {"attempts_optional": True, "faults": list(faults), **self.common, **more}
        self._ask("PUT", "/_sim/scenario", json.dumps(body).encode())

    def reset(self, **common):
        self.common = common
        self._ask("POST", "/_sim/reset")
        self.scenario()

    def ledger(self):
        return [json.loads(line) for line in self._ask("GET", "/_sim/ledger").splitlines()]

    def requests(self):
        return [json.loads(line) for line in self._ask("GET", "/_sim/requests").splitlines()]

    def posts(self):
        """The requests that would start paid work, as they came."""
        return [request for request in self.requests() if request["operation"] == "create"]

    def jobs(self):
        return [line["job"] for line in self.ledger() if line["job"]]

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, data=body, method=method)
        return urllib.request.urlopen(request).read().decode()


class Hooks(http.server.ThreadingHTTPServer):
    """Receives webhooks: path, headers and raw body of each."""

    def __init__(self):
        self.received = []
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                hooks.received.append((self.path, dict(self.headers.items()), body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.daemon_threads = True
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path="/hook"):
        return f"http://127.0.0.1:{self.server_port}{path}"

    def wait(self, count, seconds=10):
        end = time.monotonic() + seconds
        while len(self.received) < count:
            assert time.monotonic() < end, f"{len(self.received)} of {count} webhooks came"
            time.sleep(0.01)
        return self.received[:count]


CHECKS = []


def check(*, red=(), name=None):
    def register(function):
        CHECKS.append((name or function.__name__, function, red))
        return function

    return register


def raises(kind, function, *arguments, **named):
    try:
        function(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def fetch(url):
    """The status and the bytes of an address."""
    try:
        with urllib.request.urlopen(url) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Timeout(Exception):
    pass


def _within(seconds, function, sim):
    def ring(*_):
        raise Timeout(f"not done after {seconds} s")

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        function(sim)
    finally:
        signal.alarm(0)


def _must_pass(sim, name, function, **common):
    sim.reset(**common)
    try:
        _within(CHECK_SECONDS, function, sim)
        strays = [f"{r['method']} {r['path']}" for r in sim.requests() if r["operation"] is None]
        assert not strays, f"asked for paths that there are not: {strays}"
    except Exception:
        print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
        return False
    print(f"ok {name}", flush=True)
    return True


def _must_fail(sim, name, function, field):
    sim.reset(rename={field: f"{field}_renamed"})
    try:
        _within(CONTROL_SECONDS, function, sim)
    except BaseException:
        print(f"ok {name}, and it fails without {field}", flush=True)
        return True
    print(f"FAILED {name}: it passes without {field}, so it does not test it", flush=True)
    return False


def main(*arguments):
    sim = Simulator(*arguments)
    try:
        results = []
        for name, function, red in CHECKS:
            started = time.monotonic()
            results.append(_must_pass(sim, name, function))
            results.extend(_must_fail(sim, name, function, field) for field in red)
            if red:
                # A field that nobody knows must not break anything.
                results.append(_must_pass(sim, f"{name}, with unknown fields", function, unknown_field=True))
            if os.environ.get("MOTET_SIM_TIMES"):
                print(f"   {time.monotonic() - started:.1f} s", flush=True)
    finally:
        sim.process.kill()
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)
