package app

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gangwon-portal/gangway/internal/testkit"
)

// screen is somebody before the dashboard of a worker.
type screen struct {
	context.Context
	t *testing.T
	d *counterDesk
}

// newScreen opens the dashboard in a browser.
func newScreen(t *testing.T, d *counterDesk) *screen {
	s := &screen{Context: testkit.Browser(t), t: t, d: d}
	testkit.NoComplaints(t, s)
	s.do(chromedp.EmulateViewport(1280, 900), chromedp.Navigate(d.url+"/"))
	return s
}

func (s *screen) do(steps ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	testkit.Do(s.t, s, steps...)
}

// shows waits until the page says a text.
func (s *screen) shows(text string) {
	s.t.Helper()
	testkit.Until(s.t, s, fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
}

func (s *screen) click(selector string) {
	s.t.Helper()
	s.do(chromedp.Click(chromedp.CSS(selector)))
}

// press clicks the button, or follows the link, of a text.
func (s *screen) press(text string) {
	s.t.Helper()
	found := fmt.Sprintf(`[...document.querySelectorAll("dialog[open] button, main button, main a, nav a")].filter((b) => b.closest("dialog") || !document.querySelector("dialog[open]")).find((b) => b.innerText.trim().startsWith(%q))`, text)
	testkit.Until(s.t, s, found+" !== undefined")
	testkit.Value[bool](s.t, s, found+".click(), true")
}

// goes opens a view by its address.
func (s *screen) goes(address string) {
	s.t.Helper()
	testkit.Value[bool](s.t, s, fmt.Sprintf(`location.hash = %q, true`, address))
}

func (s *screen) logs(in string) {
	s.t.Helper()
	s.do(chromedp.WaitVisible(chromedp.CSS("#login input")), chromedp.SendKeys(chromedp.CSS("#login input"), in+kb.Enter))
}

// looks keeps a picture, and insists that the page is not wider than its screen
// and that every text stands out from its ground.
func (s *screen) looks(name string) {
	s.t.Helper()
	testkit.Picture(s.t, s, name)
	if over := testkit.Value[int](s.t, s, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		s.t.Errorf("%s: the page is %d too wide", name, over)
	}
	for _, text := range testkit.Value[[]string](s.t, s, faint) {
		s.t.Errorf("%s: hard to read: %s", name, text)
	}
}

// faint lists texts whose contrast is below what WCAG 2 AA asks for.
const faint = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	canvas.canvas.width = canvas.canvas.height = 1;
	const over = (colors) => { canvas.fillStyle = "#fff"; canvas.fillRect(0, 0, 1, 1); for (const c of colors) { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); } return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
	const light = (rgb) => { const [r, g, b] = rgb.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const found = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
		if (!text || !e.checkVisibility() || e.closest("button:disabled, .hidden, .skip, iframe, option")) continue;
		const grounds = [];
		for (let p = e; p; p = p.parentElement) grounds.unshift(getComputedStyle(p).backgroundColor);
		const style = getComputedStyle(e), a = light(over(grounds)), b = light(over([...grounds, style.color]));
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && Number(style.fontWeight) >= 700);
		if (ratio < (large ? 3 : 4.5)) found.push(text.slice(0, 40) + " " + ratio.toFixed(2));
	}
	return found;
})()`

// TestDashboard is a day of an operator: every view opened, and everything that a
// person can settle settled by clicking.
func TestDashboard(t *testing.T) {
	d := newCounterDesk(t)
	sent := d.publish("email.send", `{"to":["kim@example.kr"],"subject":"접수 안내","html":"<h1>접수되었습니다</h1><script>parent.hacked=1</script>"}`)
	d.await(sent, "delivered")
	var lost []string
	for i := range 3 {
		lost = append(lost, d.publish("email.send", mailTo(fmt.Sprintf("error+%d@example.kr", i))))
	}
	unsure := []string{d.publish("email.send", mailTo("timeout+1@example.kr")), d.publish("email.send", mailTo("timeout+2@example.kr"))}
	company := d.publish("business.verify", `{"registration_number":"101-81-90004"}`)
	for _, id := range lost {
		d.await(id, "dead_lettered")
	}
	for _, id := range unsure {
		d.await(id, "unknown")
	}
	d.await(company, "manual_review")

	s := newScreen(t, d)
	s.logs("a wrong token")
	s.shows("알 수 없는 토큰")
	s.looks("login")
	testkit.Value[string](t, s, `document.querySelector("#login input").value = ""`)
	s.logs(writeToken)

	// At a glance.
	for _, text := range []string{"확인할 일", "결과를 알 수 없는 발송 2건", "사람의 확인을 기다리는 기업 검증 1건", "sendgrid", "이메일", "모의 모드"} {
		s.shows(text)
	}
	s.looks("overview")

	// A dead letter: found, seen, replayed after a dry run.
	s.click(`nav a[href="#/letters"]`)
	s.shows("조건에 맞는 모두 다시 보내기")
	s.looks("letters")
	testkit.Value[bool](t, s, `[...document.querySelectorAll("tbody tr")].find((r) => r.innerText.includes("error+2")).querySelector("input").click(), true`)
	s.press("선택 1건 다시 보내기")
	s.shows("시험 실행: 1건")
	s.looks("replay")
	if letters := testkit.Value[int](t, s, `document.querySelectorAll("tbody tr").length`); letters < 3 {
		t.Errorf("%d dead letters are listed", letters)
	}
	s.click(`dialog button[data-key=confirm]`)
	s.shows("1건을 다시 보냈습니다")
	var replays int
	d.check(d.pool.QueryRow(t.Context(), `SELECT sum(generation) FROM gangway.deliveries`).Scan(&replays))
	if replays != 1 {
		t.Errorf("%d replays for one click", replays)
	}
	s.goes("#/letters?contains=error%2B0")
	testkit.Until(t, s, `document.querySelectorAll("main tbody tr").length === 1`)
	s.click(`main tbody a`)
	s.shows("error+0@example.kr")
	s.looks("letter")
	s.press("폐기")
	s.shows("시험 실행: 1건을 폐기")
	s.click(`dialog button[data-key=confirm]`)
	s.shows("이미 처리되었습니다")
	d.await(lost[0], "discarded")

	// Deliveries, and all that happened to one.
	s.click(`nav a[href="#/deliveries"]`)
	s.shows("kim@example.kr")
	s.looks("deliveries")
	s.do(chromedp.SendKeys(chromedp.CSS("input[name=q]"), "kim@example.kr"+kb.Enter))
	testkit.Until(t, s, `document.querySelectorAll("main tbody tr").length === 1`)
	s.do(chromedp.SendKeys(chromedp.CSS("input[name=q]"), strings.Repeat(kb.Backspace, 20)+sent+kb.Enter))
	s.shows("경과")
	s.shows("보고: ")
	s.looks("delivery")

	// What a person settles.
	s.click(`nav a[href="#/people"]`)
	testkit.Until(t, s, `document.querySelectorAll("#unknown tbody tr").length === 2 && document.querySelectorAll("#manual_review tbody tr").length === 1`)
	s.looks("people")
	s.click(fmt.Sprintf(`[data-key="sent%s"]`, unsure[0]))
	s.do(chromedp.SendKeys(chromedp.CSS("dialog input[name=note]"), "seen in the provider's log"))
	s.click(`dialog button[data-key=confirm]`)
	d.await(unsure[0], "sent")
	testkit.Until(t, s, `document.querySelectorAll("#unknown tbody tr").length === 1`)
	s.click(fmt.Sprintf(`[data-key="complete%s"]`, company))
	s.do(chromedp.SendKeys(chromedp.CSS("dialog input[name=name]"), "강원상사"))
	s.looks("complete")
	s.click(`dialog button[data-key=confirm]`)
	d.await(company, "completed")

	// A provider: paused, seen everywhere, resumed.
	s.goes("#/providers/ses")
	s.shows("최근 1시간의 호출")
	testkit.Until(t, s, `document.querySelectorAll(".chart canvas").length === 2`)
	s.looks("provider")
	s.press("일시 중지")
	s.do(chromedp.SendKeys(chromedp.CSS("dialog input[name=note]"), "maintenance"))
	s.click(`dialog button[data-key=confirm]`)
	s.shows("admin: maintenance")
	s.click(`nav a[href="#/overview"]`)
	s.shows("ses 일시 중지됨")
	s.goes("#/providers/ses")
	s.press("재개")
	s.click(`dialog button[data-key=confirm]`)
	testkit.Until(t, s, `!document.querySelector("main").innerText.includes("maintenance")`)
	s.press("속도 바꾸기")
	s.do(chromedp.SetValue(chromedp.CSS("dialog input[name=rate]"), "7"))
	s.click(`dialog button[data-key=confirm]`)
	s.shows("7/초")

	// The fleet, and who did what.
	s.click(`nav a[href="#/fleet"]`)
	for _, text := range []string{"살아 있음", "provider.pause", "admin.token", "maintenance"} {
		s.shows(text)
	}
	if testkit.Value[bool](t, s, fmt.Sprintf(`document.body.innerText.includes(%q)`, writeToken)) {
		t.Error("the token stands on the page")
	}
	s.looks("fleet")

	// An alert: seen, silenced, told of again.
	s.click(`nav a[href="#/alerts"]`)
	s.press("알림 끄기")
	s.click(`dialog button[data-key=confirm]`)
	testkit.Until(t, s, `document.querySelectorAll("#silences tbody tr").length === 1`)
	s.looks("alerts")
	s.press("다시 알리기")
	testkit.Until(t, s, `document.querySelector("#silences") === null`)

	// The inbox shows a mail as its reader sees it, and the mail can do nothing.
	s.click(`nav a[href="#/inbox"]`)
	s.shows("접수 안내")
	s.click(`main tbody tr:last-child button`)
	s.do(chromedp.WaitVisible(chromedp.CSS("#preview iframe")))
	s.looks("inbox")

	// In English, dark, on a phone, by keyboard.
	s.click(`[data-key=language]`)
	s.shows("Received")
	testkit.Value[bool](t, s, `(() => { const s = document.querySelector("[data-key=theme]"); s.value = "dark"; return s.dispatchEvent(new Event("change")); })()`)
	for _, size := range []int64{1280, 390} {
		s.do(chromedp.EmulateViewport(size, 844))
		for view, text := range map[string]string{
			"overview": "to look at", "letters": "Replay all", "deliveries": "kim@example.kr", "people": "Unknown outcomes", "fleet": "Audit log", "alerts": "Firing",
			"providers/ses": "Calls of the last hour", "deliveries/" + sent: "Timeline", "inbox": "Open",
		} {
			s.goes("#/" + view)
			s.shows(text)
			s.looks(fmt.Sprintf("dark-%d-%s", size, strings.Split(view, "/")[0]+fmt.Sprint(strings.Count(view, "/"))))
		}
	}
	s.goes("#/overview")
	testkit.Value[bool](t, s, `document.querySelector(".skip").focus(), true`)
	for range 3 { // the name, the first view, the second
		s.do(chromedp.KeyEvent(kb.Tab))
	}
	s.do(chromedp.KeyEvent(kb.Enter))
	testkit.Until(t, s, `location.hash === "#/deliveries" && document.activeElement.tagName === "H1"`)

	s.click("#logout")
	s.do(chromedp.WaitVisible(chromedp.CSS("#login")))
	s.looks("login-dark")
	testkit.Value[bool](t, s, `fetch("/api/v1/workers").then((r) => { window.status = r.status }), true`)
	testkit.Until(t, s, `window.status === "401"`)

	// Who may only read sees no way to act, and no person.
	s.logs(readToken)
	s.goes("#/letters")
	s.shows("e***@example.kr")
	if n := testkit.Value[int](t, s, `document.querySelectorAll("main button.danger").length`); n != 0 {
		t.Errorf("%d ways to act with a token that reads", n)
	}
	s.click("main tbody tr a")
	s.shows("Your token may only read")
	s.shows("[redacted]")
	if testkit.Value[bool](t, s, `document.body.innerText.includes("error+")`) {
		t.Error("a recipient is shown to a token that reads")
	}
}
