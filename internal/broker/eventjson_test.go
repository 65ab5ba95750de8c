package broker

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// reflected is an event as an encoder writes it that finds its members by their
// tags.
func reflected(row *delivery.Row, id, trace string) ([]byte, error) {
	return json.Marshal(&struct {
		SpecVersion     string        `json:"specversion"`
		ID              string        `json:"id"`
		Source          string        `json:"source"`
		Type            string        `json:"type"`
		Subject         string        `json:"subject"`
		Time            time.Time     `json:"time"`
		Sequence        string        `json:"sequence"`
		TraceParent     string        `json:"traceparent,omitzero"`
		DataContentType string        `json:"datacontenttype"`
		Data            delivery.View `json:"data"`
	}{
		"1.0", id, "/gangway", "kr.gangwon.gangway.delivery." + string(row.Status), row.ID.String(), row.UpdatedAt,
		fmt.Sprintf("%010d", row.Version), trace, "application/json", row.View,
	}, json.Deterministic(true)) // the order of a map
}

func sameEvent(t *testing.T, row *delivery.Row, trace string) {
	t.Helper()
	want, wantErr := reflected(row, "an.id", trace)
	got, err := appendEvent(nil, row, "an.id", trace)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("error %v, want %v of %+v", err, wantErr, row.View)
	}
	if err == nil && !bytes.Equal(got, want) {
		t.Fatalf("wrote\n%s\nwant\n%s", got, want)
	}
}

// TestEventJSON: every field of a view alone, none and all of them.
func TestEventJSON(t *testing.T) {
	t.Parallel()
	values := map[reflect.Type]any{
		reflect.TypeFor[uuid.UUID](): uuid.New(), reflect.TypeFor[command.Kind](): command.EmailSend, reflect.TypeFor[command.Lane](): command.Bulk,
		reflect.TypeFor[delivery.Status](): delivery.Sent, reflect.TypeFor[fault.Reason](): fault.Timeout, reflect.TypeFor[string](): "강원 \"\\\n\u2028<&>",
		reflect.TypeFor[int](): 12, reflect.TypeFor[jsontext.Value](): jsontext.Value(`{ "b": [1, 2.50], "a": "\u00e9" }`),
		reflect.TypeFor[map[string]string](): map[string]string{"b": "2", "a\"": "1", "c": ""},
		reflect.TypeFor[time.Time]():         time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC),
	}
	all := delivery.Row{Version: 7}
	sameEvent(t, &all, "")
	fields := reflect.ValueOf(&all.View).Elem()
	for i := range fields.NumField() {
		value, ok := values[fields.Field(i).Type()]
		if !ok {
			t.Fatalf("no value of type %s for %s", fields.Field(i).Type(), fields.Type().Field(i).Name)
		}
		var one delivery.Row
		reflect.ValueOf(&one.View).Elem().Field(i).Set(reflect.ValueOf(value))
		sameEvent(t, &one, "")
		fields.Field(i).Set(reflect.ValueOf(value))
	}
	sameEvent(t, &all, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	all.Metadata, all.Version = map[string]string{}, 12_345_678_901
	sameEvent(t, &all, "")
}

func FuzzEventJSON(f *testing.F) {
	f.Add("plain", "한글 \x00\x1f\"", "k", 1, int64(1_700_000_000), int64(123))
	f.Add("\xff", "", "", -1, int64(0), int64(0))
	f.Add("", "\U0001f600\u2028", "a", 1<<40, int64(253_402_300_800), int64(1))
	f.Fuzz(func(t *testing.T, a, b, c string, n int, seconds, nanoseconds int64) {
		at := time.Unix(seconds, nanoseconds).UTC()
		sameEvent(t, &delivery.Row{Version: max(0, n), View: delivery.View{
			Status: delivery.Status(a), Recipient: b, Subject: c, ErrorMessage: a + b, Attempts: n, Replays: -n,
			Metadata: map[string]string{a: b, c: a, "é": c}, RequestedAt: at, UpdatedAt: at, SendAt: at,
		}}, c)
	})
}

func TestEventOfBrokenText(t *testing.T) {
	t.Parallel()
	if _, err := EventOf(delivery.Row{View: delivery.View{Subject: "\xff"}}); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Fatalf("error is %v", err)
	}
}

func BenchmarkEvent(b *testing.B) {
	at := time.Now()
	row := &delivery.Row{Version: 2, View: delivery.View{
		ID: uuid.New(), Kind: command.EmailSend, Lane: command.Normal, Status: delivery.Sent, Provider: "noop", ProviderMessageID: uuid.NewString(),
		Recipient: "kim@example.kr", Subject: "접수 안내", Attempts: 1, Metadata: map[string]string{"case": "2026-0042"},
		TraceID: "0af7651916cd43dd8448eb211c80319c", RequestedAt: at, UpdatedAt: at, CompletedAt: at,
	}}
	b.Run("appended", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := appendEvent(make([]byte, 0, eventSize), row, "an.id", ""); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reflected", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := reflected(row, "an.id", ""); err != nil {
				b.Fatal(err)
			}
		}
	})
}
