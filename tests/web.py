"""web.py PAGE OUT [NAME...]: drives the page of examples/web in headless Chromium, as a visitor
would, without a network: draws with the mouse, waits, checks numbers, looks at the screenshots
(OUT/NAME.png). NAME: spiral, circles, torus, redraw. Chromium is told what to do over a pipe."""
import base64, json, math, os, shutil, struct, subprocess, sys, tempfile, time, zlib

SECONDS = 400  # a fit at most, on a machine that others use, too
WIDTH, HEIGHT = 1180, 720


class Browser:
    def __init__(self, program):
        self.dir = tempfile.mkdtemp()
        to_child, self.out = os.pipe()
        self.into, from_child = os.pipe()

        def pipes():  # Chromium reads from 3 and writes to 4
            a, b = os.dup(to_child), os.dup(from_child)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             "--disable-dev-shm-usage", "--no-first-run", "--user-data-dir=" + self.dir,
             "--window-size=%d,%d" % (WIDTH, HEIGHT), "about:blank"],
            close_fds=False, preexec_fn=pipes, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)
        self.rest, self.id, self.session, self.events = b"", 0, None, []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def ask(self, method, **params):
        self.id += 1
        message = {"id": self.id, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.rest:
                more = os.read(self.into, 1 << 20)
                assert more, "the browser has gone"
                self.rest += more
            line, self.rest = self.rest.split(b"\0", 1)
            answer = json.loads(line)
            if answer.get("id") == self.id:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)

    def value(self, expression):
        r = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in r, r
        return r["result"].get("value")

    def mouse(self, kind, x, y):
        self.ask("Input.dispatchMouseEvent", type="mouse" + kind, x=x, y=y, button="left",
                 buttons=0 if kind == "Released" else 1, clickCount=1)

    def line(self, points):
        self.mouse("Pressed", *points[0])
        for p in points[1:]:
            self.mouse("Moved", *p)
        self.mouse("Released", *points[-1])

    def click(self, selector):
        x, y = self.value("(() => { const r = document.querySelector(%r).getBoundingClientRect();"
                          "return [r.x + r.width / 2, r.y + r.height / 2] })()" % selector)
        self.line([(x, y), (x, y)])

    def until(self, *phases):
        end = time.time() + SECONDS
        while True:
            phase = self.value("ebim.state.phase")
            if phase in phases:
                return self.value("ebim.state")
            assert phase != "failed" and time.time() < end, self.value("document.body.innerText")
            time.sleep(0.1)

    def close(self):
        self.session = None
        try:
            self.ask("Browser.close")
        except (AssertionError, OSError):
            pass
        self.process.wait(20)
        shutil.rmtree(self.dir, ignore_errors=True)


def pixels(png):
    """Rows of RGB bytes of a PNG as Chromium writes it: 8 bits, RGB or RGBA, not interlaced"""
    at, data, w, h, each = 8, b"", 0, 0, 0
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + size]
        if kind == b"IHDR":
            w, h, depth, colour = struct.unpack(">IIBB", body[:10])
            assert depth == 8 and colour in (2, 6)
            each = 3 if colour == 2 else 4
        if kind == b"IDAT":
            data += body
        at += size + 12
    raw, rows, last = zlib.decompress(data), [], bytearray(w * each)
    for y in range(h):
        how, row = raw[y * (w * each + 1)], bytearray(raw[y * (w * each + 1) + 1:
                                                          (y + 1) * (w * each + 1)])
        for i in range(w * each):
            a = row[i - each] if i >= each else 0
            b, c = last[i], last[i - each] if i >= each else 0
            if how == 1:
                row[i] = (row[i] + a) & 255
            elif how == 2:
                row[i] = (row[i] + b) & 255
            elif how == 3:
                row[i] = (row[i] + (a + b) // 2) & 255
            elif how == 4:
                p = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
                row[i] = (row[i] + p) & 255
        rows.append(row)
        last = row
    return rows, each


def inked(png, points):
    """The share of points on the screen that are coloured, and that of all of the picture"""
    rows, each = pixels(png)

    def coloured(x, y):
        p = rows[y][each * x:each * x + 3]
        return max(p) - min(p) > 60

    near = [any(coloured(int(x) + i, int(y) + j) for i in (-2, 0, 2) for j in (-2, 0, 2))
            for x, y in points]
    area = [coloured(x, y) for y in range(0, len(rows), 4)
            for x in range(0, len(rows[0]) // each, 4)]
    return sum(near) / len(near), sum(area) / len(area)


def spiral(t):
    a, r = 1.5 + 3.3 * math.pi * t, 50 + 200 * t
    return [430 + r * math.cos(a), 365 + r * math.sin(a)]


def circle(cx, radius):
    return lambda t: [cx + radius * math.cos(2 * math.pi * t),
                      360 + radius * math.sin(2 * math.pi * t)]


def steps(curve, count):
    return [curve(i / count) for i in range(count + 1)]


def off(browser, curves):
    """Pixels between samples and the curves that were drawn: median and 99th percentile"""
    r = browser.value("(() => { const r = view.getBoundingClientRect(), s = ebim.samples();"
                      "const out = []; for (let i = 0; i < s.length; i += 2) {"
                      "const p = ebim.toPixels([s[i], s[i + 1]]);"
                      "out.push([p[0] + r.x, p[1] + r.y]) } return out })()")
    dense = [p for c in curves for p in steps(c, 2000)]
    d = sorted(min(math.hypot(x - p[0], y - p[1]) for p in dense) for x, y in r[::4])
    return d[len(d) // 2], d[len(d) * 99 // 100], r


def drawn(browser, out, name, curves, pieces):
    for c in curves:
        browser.line(steps(c, 160))
    browser.until("learning")
    state = browser.until("done")
    png = base64.b64decode(browser.ask("Page.captureScreenshot", format="png")["data"])
    open(os.path.join(out, name + ".png"), "wb").write(png)
    median, most, samples = off(browser, curves)
    ink, all_ink = inked(png, [p for c in curves for p in steps(c, 100)[1:-1]])
    words = browser.value("document.getElementById('verdict').innerText")
    print(json.dumps({"set": name, "pieces": state["pieces"], "verdict": state["verdict"],
                      "words": words.replace("\n", " "), "samples": len(samples),
                      "median_pixels": median, "q99_pixels": most, "on_screen": ink,
                      "sketches": state["sketches"], "seconds": state["seconds"],
                      "slowest_frame_ms": state["slowest"]}), flush=True)
    assert state["pieces"] == pieces
    assert len(samples) >= 1000 and median < 1.5 and most < 12
    assert words.startswith("Good") and not state["bad"]
    assert state["sketches"] >= 10
    assert state["slowest"] < 1500
    assert ink > 0.95 and 0.004 < all_ink < 0.2
    return state


def spiral_check(browser, out):
    state = drawn(browser, out, "spiral", [spiral], 1)
    assert any("ends" in v["says"] for v in state["list"])  # it has two


def circles_check(browser, out):
    """Two, the lower half of the right one drawn four times: four fifths of its samples there"""
    for k in range(3):
        browser.line(steps(lambda t: circle(615, 150)((t + 0.003 * k) / 2), 80))
    state = drawn(browser, out, "circles", [circle(265, 150), circle(615, 150)], 2)
    scale = browser.value("ebim.toPixels([1, 0])[0] - ebim.toPixels([0, 0])[0]")
    assert abs(state["extent"] * scale / (4 * math.pi * 150) - 1) < 0.01
    right = [y for x, y in off(browser, [circle(265, 150)])[2] if x > 440]
    share = sum(y > 360 for y in right) / len(right)
    print(json.dumps({"samples_right": len(right), "of_these_below": share}), flush=True)
    assert 0.7 < share < 0.88


def torus_check(browser, out):
    browser.click("[data-set=torus]")
    browser.until("learning")
    state = browser.until("done")
    before = browser.value("turn.a")
    browser.line([(400, 300), (460, 320), (520, 330)])
    assert abs(browser.value("turn.a") - before) > 0.3
    png = base64.b64decode(browser.ask("Page.captureScreenshot", format="png")["data"])
    open(os.path.join(out, "torus.png"), "wb").write(png)
    area = 4 * math.pi ** 2 * 0.64 * 0.32
    print(json.dumps({"set": "torus", "pieces": state["pieces"], "verdict": state["verdict"],
                      "area": state["extent"] / area, "seconds": state["seconds"],
                      "slowest_frame_ms": state["slowest"]}), flush=True)
    assert state["pieces"] == 1 and not state["bad"]
    assert abs(state["extent"] / area - 1) < 0.01
    ink = inked(png, [(430, 360)])[1]
    assert ink > 0.1


def redraw_check(browser, out):
    """A line that is drawn while a fit runs ends it: nothing of it comes any more."""
    browser.line(steps(circle(265, 150), 160))
    browser.until("learning")
    time.sleep(0.5)
    browser.line(steps(circle(615, 150), 160)[:60])
    assert browser.value("ebim.state.phase") == "ready"
    browser.click("#clear")
    time.sleep(1)
    assert browser.value("ebim.state.phase") == "ready" and browser.value("ebim.data().length") == 0
    assert browser.value("document.getElementById('verdict').hidden")
    print('{"set": "redraw"}', flush=True)


def main():
    page, out, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    browser = Browser(os.environ.get("CHROMIUM", "chromium"))
    try:
        browser.ask("Page.enable")
        browser.ask("Runtime.enable")
        browser.ask("Network.enable")
        browser.ask("Network.emulateNetworkConditions", offline=True, latency=0,
                    downloadThroughput=0, uploadThroughput=0)
        browser.ask("Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT,
                    deviceScaleFactor=1, mobile=False)
        for name in names:
            browser.ask("Page.navigate", url="file://" + os.path.abspath(page))
            end = time.time() + 60
            while browser.value("document.readyState + !!window.ebim") != "completetrue":
                assert time.time() < end
                time.sleep(0.1)
            globals()[name + "_check"](browser, out)
        urls = [e["params"]["request"]["url"] for e in browser.events
                if e.get("method") == "Network.requestWillBeSent"]
        assert all(u.startswith(("file:", "blob:", "data:")) for u in urls), urls
        wrong = [e for e in browser.events if e.get("method") == "Runtime.exceptionThrown"]
        assert not wrong, wrong
    finally:
        browser.close()


main()
