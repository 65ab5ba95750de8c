package smtp

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestMessageIDs: the forms in which servers name a message.
func TestMessageIDs(t *testing.T) {
	for text, want := range map[string]string{
		"Ok: queued as sTLnWkE1QHKDpzr3wYiPJA":                                                                     "sTLnWkE1QHKDpzr3wYiPJA",
		"2.0.0 Ok: queued as 4Zf0Xk3T5Nz1l4":                                                                       "4Zf0Xk3T5Nz1l4",
		"Ok 0100018f0a1b2c3d-11112222-3333-4444-5555-666677778888-000000":                                          "0100018f0a1b2c3d-11112222-3333-4444-5555-666677778888-000000",
		"2.0.0 OK  1767225600 d9443c01a7336-1f4sm123.45 - gsmtp":                                                   "d9443c01a7336-1f4sm123.45",
		"2.0.0 OK <SE2P216MB1@SE2P216MB1.KORP216.PROD.OUTLOOK.COM> [Hostname=SE2P216MB1.KORP216.PROD.OUTLOOK.COM]": "SE2P216MB1@SE2P216MB1.KORP216.PROD.OUTLOOK.COM",
		"OK id=1tAbCd-000000001-2efg":                                                                              "1tAbCd-000000001-2efg",
		"2.0.0 Ok: queued as <7.x>, thanks":                                                                        "7.x",
		"Message accepted for delivery":                                                                            "",
		"OK accepted":                                                                                              "",
		"OK":                                                                                                       "",
		"":                                                                                                         "",
		"Ok: queued as":                                                                                            "",
		"Ok: queued as 김12345":                                                                                     "",
		"Ok " + strings.Repeat("1", 300):                                                                           "",
	} {
		if got := parseReply(250, text).messageID(); got != want {
			t.Errorf("%q: id %q, want %q", text, got, want)
		}
	}
}

// TestReplies: codes, lines and nonsense.
func TestReplies(t *testing.T) {
	for wire, want := range map[string]reply{
		"250 Ok\r\n":       {250, "", "Ok"},
		"250\r\n":          {250, "", ""},
		"550 5.1.1 no\r\n": {550, "5.1.1", "no"},
		"550 5.1.1\r\n":    {550, "5.1.1", ""},
		"550-5.1.1 no such\r\n550 5.1.1 user here\r\n": {550, "5.1.1", "no such\nuser here"},
		"250 9.1.1 text\r\n":                           {250, "", "9.1.1 text"},
		"250 2.1 text\n":                               {250, "", "2.1 text"},
		"250 2.0.1000 text\r\n":                        {250, "", "2.0.1000 text"},
	} {
		got, err := readReply(bufio.NewReader(strings.NewReader(wire)))
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", wire, got, err, want)
		}
	}
	for wire, want := range map[string]error{
		"":                       io.EOF,
		"250 O":                  io.ErrUnexpectedEOF,
		"250-one\r\n":            io.EOF,
		"250-one\r\n550 two\r\n": errNonsense,
		"HTTP/1.1 200 OK\r\n":    errNonsense,
		"25\r\n":                 errNonsense,
		"099 x\r\n":              errNonsense,
		"-50 x\r\n":              errNonsense,
		"250x\r\n":               errNonsense,
	} {
		if got, err := readReply(bufio.NewReader(strings.NewReader(wire))); !errors.Is(err, want) {
			t.Errorf("%q: %+v, %v, want %v", wire, got, err, want)
		}
	}
}

// FuzzReply: any bytes are a reply or an error, and every reply is judged.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"250 2.0.0 Ok: queued as 1\r\n", "550-5.1.1 a\r\n550 5.1.1 b\r\n", "421 4.7.0\r\n", "250-\r\n250 \r\n", "354", "250 OK id=1 \n",
		"2.0.0 OK <> [Hostname=", "250 5.1.1\n5.1.1 x\r\n",
	} {
		f.Add([]byte(seed))
	}
	d, err := New(Options{Host: "127.0.0.1", Auth: AuthNone})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		r, err := readReply(bufio.NewReader(strings.NewReader(string(wire))))
		if err != nil {
			return
		}
		if r.code < 100 || r.code > 999 {
			t.Errorf("code %d", r.code)
		}
		if r.enhanced != "" && !isEnhanced(r.enhanced) {
			t.Errorf("enhanced code %q", r.enhanced)
		}
		if id := r.messageID(); strings.ContainsAny(id, " \t\r\n") || len(id) > longestID {
			t.Errorf("id %q", id)
		}
		for _, stage := range []stage{atConnect, atLogin, atMail, atRcpt, atData, atBody, atNoop} {
			if e := d.classify(stage, r); !e.Reason.Valid() || e.Code != r.String() || strings.ContainsAny(e.Error(), "\r\n") {
				t.Errorf("%s: %v", stage, e)
			}
		}
	})
}
