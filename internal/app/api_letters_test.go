package app

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// readsNobody: whoever may read only is shown that there is a dead letter, and why,
// and neither whose it is nor what it says; searching tells no more.
func (d *counterDesk) readsNobody(t *testing.T, number int64) {
	t.Helper()
	list, one := "/api/v1/deadletters?kind=email.send", fmt.Sprint("/api/v1/deadletters/", number)
	found := func(contains string) int {
		t.Helper()
		var all page[struct{ ID int64 }]
		d.want(200, "GET", list+"&contains="+url.QueryEscape(contains), "", &all)
		return len(all.Items)
	}
	_, whole := d.do("GET", one, "")
	_, all := d.do("GET", list, "")
	for _, answer := range []string{string(whole), string(all)} {
		if !strings.Contains(answer, "error@example.kr") {
			t.Errorf("one that may write is shown %s", answer)
		}
	}
	var letter struct{ Error string }
	d.want(200, "GET", one, "", &letter)
	if n := found(letter.Error); n == 0 || found("error@example.kr") == 0 || found(`"subject"`) == 0 {
		t.Errorf("one that may write finds %d by the error %q", n, letter.Error)
	}
	defer func() { d.token = writeToken }()
	d.token = readToken
	response, masked := d.do("GET", one, "")
	_, listed := d.do("GET", list, "")
	if response.StatusCode != http.StatusOK || !strings.Contains(string(masked), `"payload":"[redacted]"`) || !strings.Contains(string(masked), `"headers":{}`) {
		t.Errorf("one that may read is shown %s", masked)
	}
	for _, answer := range []string{string(masked), string(listed)} {
		if strings.Contains(answer, "error@") || strings.Contains(answer, `"subject"`) || !strings.Contains(answer, "e***@example.kr") || !strings.Contains(answer, letter.Error) {
			t.Errorf("one that may read is shown %s", answer)
		}
	}
	if found("error@example.kr") != 0 || found(`"subject"`) != 0 || found(letter.Error) == 0 {
		t.Error("one that may read finds out by searching")
	}
}
