"""Runs every SDK against a hub and looks at what is there afterwards. Called by `run`, in the environment it makes.

Arguments: the hub's program, the directory of the clients, Node.
"""

import base64
import http.client
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

PROGRAM, HERE, NODE = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]

ALL = ["Order Completed", "group", "page", "screen"]
# Client, whether it is a page, and the events it leaves.
CLIENTS = [
    ("segment_node.mjs", False, ALL),
    ("segment_node_legacy.mjs", False, ALL),
    ("rudder_node.mjs", False, ALL),
    ("jitsu_node.mjs", False, ["Order Completed", "group", "page"]),
    ("segment_python.py", False, ALL),
    ("segment_python_legacy.py", False, ALL),
    ("rudder_python.py", False, ALL),
    ("segment_browser.mjs", True,
     ["Product Viewed", "Segment Consent Preference Updated", "alias", "group", "page", "screen"]),
    ("rudder_browser.mjs", True, ["Product Viewed", "alias", "group", "page"]),
]


class Hub:
    """The hub, running in a directory of its own."""

    def __init__(self, place):
        self.place = place
        made = self.run("key", "create", "--role", "admin", "--name", "sdks")
        self.admin = made.stdout.strip()
        log = open(place / "log", "w")
        serve = [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--rate-limit-per-second", "0", *self.home()]
        self.process = subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=log)
        self.address = None
        for _ in range(600):
            lines = (place / "log").read_text().splitlines()
            found = [json.loads(line) for line in lines if '"address"' in line]
            if found:
                self.address = f"http://{found[0]['address']}"
                break
            if self.process.poll() is not None:
                sys.exit("the hub ended:\n" + (place / "log").read_text())
            time.sleep(0.1)
        self.call("POST", "/v1/sources", self.admin, {
            "code": "shop", "title": "Shop", "connector": "api",
            "terms": {
                "consent_categories": {"Analytics": ["analytics"], "Advertising": ["social_advertising"]},
                "text_versions": {"analytics": "2026-01", "social_advertising": "2026-01"},
            },
        })
        self.dpo = self.key("dpo")
        self.collector = self.key("collector", source="shop")
        self.browser = self.key("browser", source="shop")

    def home(self):
        return ["--data-dir", str(self.place / "data"), "--log-format", "json"]

    def run(self, *arguments):
        return subprocess.run([PROGRAM, *arguments, *self.home()], check=True, capture_output=True, text=True)

    def key(self, role, **more):
        return self.call("POST", "/v1/api-keys", self.admin, {"title": role, "role": role, **more})["key"]

    def call(self, method, path, key, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")

    def seen(self, kind, value, purpose="subject_access", **more):
        """What the officer reads of somebody; none if nothing."""
        body = {"identifier": {"kind": kind, "value": value, "source": "shop"}, "purpose": purpose, **more}
        return self.call("POST", "/v1/profiles/lookup", self.dpo, body)


class Lossy(http.server.BaseHTTPRequestHandler):
    """A bad line: the hub takes each call, and the first good reply to each client is lost. It must send again."""

    protocol_version = "HTTP/1.1"
    target = None
    lost = {}

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection(self.target)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        connection.request("POST", self.path, body, headers)
        reply = connection.getresponse()
        status, answer = reply.status, reply.read()
        if status == 200 and self.server.round not in self.lost:
            # Every other client is told that it is too fast.
            status = 429 if len(self.lost) % 2 else 503
            self.lost[self.server.round] = status
            answer = b'{"code": "overloaded", "message": "try again"}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        if status in (429, 503):
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def fail(client, what):
    print(f"{client}: {what}", file=sys.stderr)
    return 1


def check(hub, line, name, page, events):
    user, visitor = f"user-{name.split('.')[0]}", f"visitor-{name.split('.')[0]}"
    line.round = name
    # Jitsu's SDK and the pages tell each event alone and send none again.
    direct = page or name.startswith("jitsu")
    address = hub.address if direct else f"http://127.0.0.1:{line.server_address[1]}"
    key = hub.browser if page else hub.collector
    program = [sys.executable] if name.endswith(".py") else [NODE]
    started = time.time()
    client = subprocess.run(
        [*program, str(HERE / "clients" / name), address, key, user, visitor],
        capture_output=True, text=True, timeout=120, cwd=os.environ["OBHUT_SDKS_HOME"],
    )
    if not direct and name not in Lossy.lost:
        return fail(name, "the line lost nothing of it")
    if client.returncode != 0:
        return fail(name, f"ended with {client.returncode}\n{client.stdout[-2000:]}{client.stderr[-4000:]}")
    by_visitor = hub.seen("anonymous_id", visitor)
    by_user = hub.seen("account", user)
    found = by_visitor if page else by_user
    if found is None:
        return fail(name, f"nobody is there\n{client.stdout[-2000:]}{client.stderr[-2000:]}")
    names = sorted(event["name"] for event in found["data"].get("engagement", {}).get("events", []))
    if names != events:
        return fail(name, f"left {names}, and not {events}")
    identity, contact = found["data"].get("identity", {}), found["data"].get("contact", {})
    if identity.get("family_name") != "Muster" or contact["emails"][0]["value"] != f"{user}@example.org":
        return fail(name, "its traits are not there")
    if page and by_user is not None:
        return fail(name, "a page was found by the account it named")
    if not page and not name.startswith("jitsu"):
        joined = hub.seen("anonymous_id", f"{visitor}-before")
        if joined is None or joined["subject_id"] != found["subject_id"]:
            return fail(name, "the visitor it was before is somebody else")
    if name == "segment_browser.mjs":
        analytics = hub.seen("anonymous_id", visitor, "analytics", channel="web")
        advertising = hub.seen("anonymous_id", visitor, "social_advertising", channel="social")
        if analytics is None or advertising is not None:
            return fail(name, "what its banner said does not hold")
    print(f"{name:<28} {len(names)} events, {time.time() - started:.1f} s")
    return 0


def main():
    with tempfile.TemporaryDirectory(prefix="obhut-sdks.") as place:
        place = pathlib.Path(place)
        hub = Hub(place)
        try:
            Lossy.target = hub.address.removeprefix("http://")
            line = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lossy)
            line.round = ""
            threading.Thread(target=line.serve_forever, daemon=True).start()
            only = os.environ.get("OBHUT_SDKS_ONLY", "")
            clients = [client for client in CLIENTS if only in client[0]]
            failures = sum(check(hub, line, *client) for client in clients)
            if hub.process.poll() is not None:
                failures += fail("the hub", "ended")
        finally:
            hub.process.terminate()
            hub.process.wait(30)
        log = (place / "log").read_text()
        errors = [line for line in log.splitlines() if '"level":"ERROR"' in line]
        if errors:
            failures += fail("the hub", "logged errors: " + "\n".join(errors[:20]))
        if "@example.org" in log or "Muster" in log:
            failures += fail("the hub", "logged something personal")
        sys.exit(1 if failures else 0)


main()
