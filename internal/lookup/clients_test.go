package lookup

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestClientOf(t *testing.T) {
	at := func(remote string) string {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = remote
		return clientOf(r).String()
	}
	for remote, want := range map[string]string{
		"192.0.2.7:4711":            "192.0.2.7/32",
		"[::ffff:192.0.2.7]:4711":   "192.0.2.7/32",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80":         "fe80::/64",
		"192.0.2.7":                 "192.0.2.7/32",
		"@":                         "invalid Prefix",
	} {
		if got := at(remote); got != want {
			t.Errorf("%s is client %s, want %s", remote, got, want)
		}
	}
}

// A client is held back, another one is not, and a pause makes up for it.
func TestClientsOverTime(t *testing.T) {
	now := time.Now()
	c := newClients(2, 4, func() time.Time { return now })
	defer c.close()
	allow := func(host string) bool {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = host + ":1"
		_, ok := c.allow(r)
		return ok
	}
	for i := range 4 {
		if !allow("192.0.2.1") {
			t.Fatalf("request %d of the burst is refused", i)
		}
	}
	if allow("192.0.2.1") || !allow("192.0.2.2") {
		t.Error("the fifth is allowed, or another client pays for it")
	}
	now = now.Add(500 * time.Millisecond)
	if !allow("192.0.2.1") || allow("192.0.2.1") {
		t.Error("half a second is not worth one request")
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := range 2 * mostClients {
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255)
		c.allow(r)
	}
	c.buckets.CleanUp()
	if n := c.buckets.EstimatedSize(); n > mostClients {
		t.Errorf("%d clients are remembered", n)
	}
}

func TestTongue(t *testing.T) {
	for accept, want := range map[string]string{
		"": korean, "ko-KR,ko;q=0.9,en;q=0.8": korean, "en-US,en;q=0.9,ko;q=0.8": english, "fr-FR,de;q=0.5": korean,
		"fr;q=1, en;q=0.3": english, "en;q=0.1, ko;q=0.9": korean, ";;;": korean, "*": korean,
	} {
		if got := tongue(accept); got != want {
			t.Errorf("%q is answered in %s, want %s", accept, got, want)
		}
	}
}

func TestProvince(t *testing.T) {
	for _, same := range [][2]string{
		{"강원", "강원특별자치도"}, {"강원도", "강원특별자치도"}, {"서울", "서울특별시"}, {"충북", "충청북도"}, {"경남", "경상남도"},
		{"전북특별자치도", "전북"}, {"제주특별자치도", "제주"}, {"세종특별자치시", "세종"},
	} {
		if province(same[0]) != province(same[1]) {
			t.Errorf("%s is not %s", same[0], same[1])
		}
	}
	for _, other := range [][2]string{{"충청북도", "충청남도"}, {"경기도", "경상북도"}, {"전남", "전북"}} {
		if province(other[0]) == province(other[1]) {
			t.Errorf("%s is %s", other[0], other[1])
		}
	}
}
