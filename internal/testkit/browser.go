package testkit

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browserTime bounds what one test does in a browser.
const browserTime = 90 * time.Second

// Browser starts a headless Chromium with a profile of its own and returns the
// context of its first tab, for chromedp. It is a Korean's browser, knows no
// network but this machine's, and is gone when the test ends.
func Browser(t testing.TB) context.Context {
	t.Helper()
	// Not t.TempDir: a file that Chromium still writes while it ends must not fail
	// the test.
	profile, err := os.MkdirTemp("", "gangway-browser-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), browserTime)
	ctx, stopAllocator := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.UserDataDir(profile), chromedp.WindowSize(800, 900),
		chromedp.Flag("no-sandbox", true), // a container's root has no namespaces
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("lang", "ko-KR"),
		chromedp.Flag("accept-lang", "ko-KR,ko"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"),
	)...)
	ctx, stopTab := chromedp.NewContext(ctx)
	started := false
	t.Cleanup(func() {
		if started { // what never began never ends
			_ = chromedp.Cancel(ctx)
		}
		stopTab()
		stopAllocator()
		stop()
		_ = os.RemoveAll(profile)
	})
	if err := chromedp.Do(ctx); err != nil { // starts the browser
		t.Fatalf("Chromium does not start; scripts/ready installs it: %v", err)
	}
	started = true
	return ctx
}

// Tab opens another tab of a browser. It is closed when the test ends.
func Tab(t testing.TB, browser context.Context) context.Context {
	t.Helper()
	ctx, stop := chromedp.NewContext(browser)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}
