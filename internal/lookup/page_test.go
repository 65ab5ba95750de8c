package lookup_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/go-json-experiment/json"

	"github.com/gangwon-portal/gangway/internal/lookup"
	"github.com/gangwon-portal/gangway/internal/testkit"
)

// portalPage opens the postcode page in a window or in a frame and keeps what it
// is told.
const portalPage = `<!DOCTYPE html><title>portal</title><button id="open">주소 찾기</button>
<script>
addEventListener("message", (e) => { if (e.data && e.data.type === "gangway.address") (window.got = window.got || []).push({ data: e.data, origin: e.origin }); });
const page = new URLSearchParams(location.search).get("page");
document.getElementById("open").onclick = () => window.open(page, "_blank", "width=560,height=720");
if (location.pathname === "/frame") { const f = document.createElement("iframe"); f.width = 560; f.height = 700; f.src = page; document.body.append(f); }
</script>`

type told struct {
	Origin string `json:"origin"`
	Data   struct {
		Verified bool `json:"verified"`
		Version  int  `json:"version"`
		Address  struct {
			PostalCode    string `json:"postal_code"`
			RoadAddress   string `json:"road_address"`
			DetailAddress string `json:"detail_address"`
		} `json:"address"`
	} `json:"data"`
}

// portal is a page of another origin.
func portal(t *testing.T) (origin string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(portalPage))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// received waits for what the portal was told.
func received(t *testing.T, ctx context.Context) told {
	t.Helper()
	testkit.Until(t, ctx, `(window.got || []).length > 0`)
	var all []told
	if err := json.Unmarshal([]byte(testkit.Value[string](t, ctx, `JSON.stringify(window.got)`)), &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 {
		t.Errorf("told %d times: %+v", len(all), all)
	}
	return all[0]
}

// open clicks the portal's button and returns the window that opens.
func open(t *testing.T, portal context.Context) context.Context {
	t.Helper()
	opened := chromedp.WaitNewTarget(portal, func(info *target.Info) bool { return strings.Contains(info.URL, "/postcode") })
	testkit.Do(t, portal, chromedp.Click(chromedp.ID("open")))
	page, stop := chromedp.NewContext(portal, chromedp.WithTargetID(<-opened))
	t.Cleanup(stop)
	if err := chromedp.Do(page); err != nil { // attaches for as long as page lives
		t.Fatal(err)
	}
	return page
}

// The whole way of a person: the portal opens the page, the widget picks, the
// server checks, the person adds a unit, the portal is told.
func TestPostcodePageWithWidget(t *testing.T) {
	from := portal(t)
	s := newSite(t, lookup.Options{Origins: []string{from}})
	browser := testkit.Browser(t)
	testkit.Do(t, browser, chromedp.Navigate(from+"/?page="+s.url+"/postcode"))
	page := open(t, browser)
	testkit.NoComplaints(t, page)
	testkit.Do(t, page, chromedp.WaitVisible(chromedp.CSS("#frame iframe")))
	testkit.Until(t, page, `document.querySelector("#frame iframe").getBoundingClientRect().height > 400`)
	testkit.Picture(t, page, "widget")

	// By keyboard alone, into the widget's frame and back.
	testkit.Do(t, page, chromedp.Focus(chromedp.CSS("#frame iframe")), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("강원특별자치도청"), chromedp.KeyEvent(kb.Enter))
	frame := frameOf(t, page)
	testkit.Do(t, page, chromedp.WaitVisible(chromedp.CSS("li button"), chromedp.FromNode(frame)))
	testkit.Picture(t, page, "widget-results")
	testkit.Do(t, page, chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	testkit.Do(t, page, chromedp.WaitVisible(chromedp.CSS("#badge.good")))
	if got := testkit.Value[string](t, page, `document.activeElement.id`); got != "chosen" {
		t.Errorf("the focus is on %q, not on the address that was picked", got)
	}
	testkit.Picture(t, page, "confirm")
	testkit.Do(t, page, chromedp.SendKeys(chromedp.ID("detail"), "3층 투자유치과"), chromedp.KeyEvent(kb.Enter))
	got := received(t, browser)
	if !got.Data.Verified || got.Data.Address.PostalCode != "24266" || got.Data.Address.DetailAddress != "3층 투자유치과" ||
		got.Data.Address.RoadAddress != "강원특별자치도 춘천시 중앙로 1" || got.Origin != s.url || got.Data.Version != 1 {
		t.Errorf("the portal was told %+v", got)
	}
}

// frameOf finds the widget's frame.
func frameOf(t *testing.T, ctx context.Context) *chromedp.Node {
	t.Helper()
	frames, err := chromedp.Run(ctx, chromedp.Nodes(chromedp.CSS("#frame iframe")))
	if err != nil || len(frames) != 1 {
		t.Fatalf("%d frames, %v", len(frames), err)
	}
	return frames[0]
}

// Where the widget's script does not load, the same page searches by keyword:
// framed by the portal, on a phone, without a mouse.
func TestPostcodePageWithoutWidget(t *testing.T) {
	from := portal(t)
	s := newSite(t, lookup.Options{Origins: []string{from}, Scripts: []string{"http://127.0.0.1:1/postcode.v2.js", "http://127.0.0.1:2/postcode.v2.js"}})
	browser := testkit.Browser(t)
	testkit.Do(t, browser, chromedp.EmulateViewport(390, 844), chromedp.Navigate(s.url+"/postcode"))
	testkit.NoComplaints(t, browser)
	testkit.Do(t, browser, chromedp.WaitVisible(chromedp.ID("keyword")))
	testkit.Until(t, browser, `document.getElementById("status").textContent.includes("불러올 수 없어")`)
	if got := testkit.Value[string](t, browser, `document.activeElement.id`); got != "keyword" {
		t.Errorf("the focus is on %q, not on the field", got)
	}
	testkit.Picture(t, browser, "phone-search")
	testkit.Do(t, browser, chromedp.KeyEvent("춘천 중앙로"), chromedp.KeyEvent(kb.Enter))
	testkit.Do(t, browser, chromedp.WaitVisible(chromedp.CSS("#results li")))
	testkit.Picture(t, browser, "phone-results")
	if wide := testkit.Value[float64](t, browser, `document.documentElement.scrollWidth`); wide > 390 {
		t.Errorf("the page is %.0f wide on a screen of 390", wide)
	}
	if n := testkit.Value[int](t, browser, `document.querySelectorAll("#results li").length`); n != 10 {
		t.Errorf("%d results on the first page", n)
	}
	testkit.Do(t, browser, chromedp.Click(chromedp.ID("more")))
	testkit.Until(t, browser, `document.querySelectorAll("#results li").length === 13 && document.getElementById("more").hidden`)
	// Up to the field, down to the second result, and take it.
	testkit.Do(t, browser, chromedp.Focus(chromedp.ID("keyword")), chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.ArrowDown))
	want := testkit.Value[string](t, browser, `document.activeElement.querySelector(".road").textContent`)
	testkit.Do(t, browser, chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(chromedp.CSS("#badge.good")))
	testkit.Picture(t, browser, "phone-confirm")
	if got := testkit.Value[string](t, browser, `document.getElementById("road").textContent`); got != want || got == "" {
		t.Errorf("picked %q, shown is %q", want, got)
	}
	// Nobody opened this page: it says so instead of pretending.
	testkit.Do(t, browser, chromedp.Click(chromedp.CSS("#confirm-form .main")), chromedp.WaitVisible(chromedp.ID("outcome")))
	if got := testkit.Value[string](t, browser, `document.getElementById("outcome").textContent`); !strings.Contains(got, "받을 화면이 없습니다") {
		t.Errorf("it says %q", got)
	}
	testkit.Picture(t, browser, "phone-nobody")

	// In a frame of the portal the same search reaches it.
	testkit.Do(t, browser, chromedp.EmulateViewport(800, 900), chromedp.Navigate(from+"/frame?page="+s.url+"/postcode"))
	frames, err := chromedp.Run(browser, chromedp.Nodes(chromedp.CSS("iframe")))
	if err != nil {
		t.Fatal(err)
	}
	in := chromedp.FromNode(frames[0])
	testkit.Do(t, browser, chromedp.WaitVisible(chromedp.CSS("#keyword"), in), chromedp.SendKeys(chromedp.CSS("#keyword"), "원주시청"+kb.Enter, in),
		chromedp.Click(chromedp.CSS("#results button"), in), chromedp.Click(chromedp.CSS("#confirm-form .main"), in))
	if got := received(t, browser); !got.Data.Verified || got.Data.Address.PostalCode != "26387" {
		t.Errorf("the portal was told %+v", got)
	}
}

// An origin that is not allowed hears nothing and may not frame the page.
func TestPostcodePageToldNobodyElse(t *testing.T) {
	from := portal(t)
	s := newSite(t, lookup.Options{Origins: []string{"https://portal.example.kr"}})
	browser := testkit.Browser(t)
	for name, more := range map[string]string{"configured": "", "asked for": "%26origin=" + from} {
		testkit.Do(t, browser, chromedp.Navigate(from+"/?page="+s.url+"/postcode?mode=search"+more))
		page := open(t, browser)
		testkit.Value[string](t, page, `window.close = () => {}; ""`) // it would, once the address is sent
		testkit.Do(t, page, chromedp.SendKeys(chromedp.ID("keyword"), "원주시청"+kb.Enter), chromedp.Click(chromedp.CSS("#results button")),
			chromedp.Click(chromedp.CSS("#confirm-form .main")), chromedp.WaitVisible(chromedp.ID("outcome")))
		// A message that came after this one would come later.
		testkit.Value[string](t, page, `window.opener.postMessage({ type: "gangway.address", data: "last" }, "*"); ""`)
		testkit.Until(t, browser, `(window.got || []).some((m) => m.data.data === "last")`)
		if n := testkit.Value[int](t, browser, `window.got.length`); n != 1 {
			t.Errorf("%s: an origin that is not allowed was told %d times", name, n-1)
		}
	}
	testkit.Do(t, browser, chromedp.Navigate(from+"/frame?page="+s.url+"/postcode"))
	frames, err := chromedp.Run(browser, chromedp.Nodes(chromedp.CSS("iframe")))
	if err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, browser, `(() => { try { return document.querySelector("iframe").contentDocument === null } catch { return true } })()`)
	limited, stop := context.WithTimeout(browser, 2*time.Second)
	defer stop()
	if err := chromedp.Do(limited, chromedp.WaitVisible(chromedp.CSS("#title"), chromedp.FromNode(frames[0]))); err == nil {
		t.Error("an origin that is not allowed frames the page")
	}
}

// What goes wrong is explained in the page's language, and what a stranger's
// widget says is neither believed nor run.
func TestPostcodePageExplains(t *testing.T) {
	s := newSite(t, lookup.Options{})
	browser := testkit.Browser(t)
	testkit.NoComplaints(t, browser)
	for _, c := range []struct{ lang, keyword, want string }{
		{"ko", "강", "두 글자 이상"},
		{"en", "강", "at least two characters"},
		{"ko", "강원", "결과가 너무 많습니다"},
		{"en", "모의오류", "busy"},
		{"ko", "모의없음", "찾은 주소가 없습니다"},
	} {
		testkit.Do(t, browser, chromedp.Navigate(s.url+"/postcode?mode=search&lang="+c.lang), chromedp.SendKeys(chromedp.ID("keyword"), c.keyword+kb.Enter))
		testkit.Until(t, browser, fmt.Sprintf(`(document.getElementById("error").textContent + document.getElementById("status").textContent).includes(%q)`, c.want))
		if got := testkit.Value[string](t, browser, `document.documentElement.lang`); got != c.lang {
			t.Errorf("the page is in %q", got)
		}
	}
	testkit.Picture(t, browser, "nothing-found")
	testkit.Do(t, browser, chromedp.Navigate(s.url+"/postcode?mode=search&lang=en"), chromedp.SendKeys(chromedp.ID("keyword"), "강원"+kb.Enter))
	testkit.Do(t, browser, chromedp.WaitVisible(chromedp.ID("error")))
	testkit.Picture(t, browser, "english-error")

	// A widget that lies.
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write([]byte(`window.daum = { Postcode: class { constructor(o) { this.o = o } embed(at) { const b = document.createElement("button"); b.id = "pick";
			b.onclick = () => this.o.oncomplete({ zonecode: "00000", roadAddress: "<img src=x onerror='window.hacked=1'> 없는시 없는로 1", jibunAddress: {}, buildingName: 7 }); at.append(b); } } }`))
	}))
	defer liar.Close()
	lies := newSite(t, lookup.Options{Scripts: []string{"http://127.0.0.1:1/down.js", liar.URL + "/older.js"}})
	testkit.Do(t, browser, chromedp.Navigate(lies.url+"/postcode"), chromedp.Click(chromedp.ID("pick")), chromedp.WaitVisible(chromedp.CSS("#badge.warn")))
	testkit.Picture(t, browser, "unverified")
	if testkit.Value[bool](t, browser, `window.hacked === 1 || document.querySelector("#confirm img") !== null`) {
		t.Error("what the widget said became markup")
	}
}
