"""A headless Chromium, driven by Debian's chromium-driver, for scripts/screenshot, scripts/test-site
and scripts/test-login."""

import base64
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

# Chromium's sandbox does not work in a container, and all pages are from this repository.
FLAGS = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's name for a reference


class Browser:
    def __init__(self, profile, *flags):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL)
        options = {"args": [*FLAGS, *flags, f"--user-data-dir={profile}"]}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        deadline = time.monotonic() + 20
        while True:
            try:
                self.url += "/session/" + self.send("POST", "/session", wanted)["sessionId"]
                return
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def send(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            sys.exit(f"browser: {error.read().decode()[:500]}")
        except urllib.error.URLError as error:
            raise error.reason

    def go(self, url):
        self.send("POST", "/url", {"url": url})

    def click(self, selector):
        found = self.send("POST", "/element", {"using": "css selector", "value": selector})
        self.send("POST", f"/element/{found[ELEMENT]}/click")

    def run(self, script):
        return self.send("POST", "/execute/sync", {"script": script, "args": []})

    def wait_for(self, what, script, wanted):
        """Until the script returns this value."""
        deadline = time.monotonic() + 20
        while (found := self.run(script)) != wanted:
            if time.monotonic() > deadline:
                sys.exit(f"browser: {what}: {found} instead of {wanted}")
            time.sleep(0.05)

    def resize(self, width, height):
        self.send("POST", "/window/rect", {"width": width, "height": height})

    def screen(self, width, height, scale, mobile):
        """Makes the page as large as a screen of this size, also one that is smaller than any window."""
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile}
        self.send("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": size})

    def picture(self):
        return base64.b64decode(self.send("GET", "/screenshot"))

    def quit(self):
        self.send("DELETE", "")
        self.driver.terminate()
        self.driver.wait()
