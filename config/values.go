package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Type says how a value is written.
type Type string

// The types of [Key.Type].
const (
	Text       Type = "text"
	Switch     Type = "switch"
	Count      Type = "count"
	Number     Type = "number"
	Rate       Type = "rate"
	Duration   Type = "duration"
	Bytes      Type = "bytes"
	Choice     Type = "choice"
	List       Type = "list"
	NetList    Type = "networks"
	URL        Type = "url"
	Listen     Type = "address"
	Object     Type = "object"
	SecretText Type = "secret"
	SecretList Type = "secrets"
	ConnString Type = "connection"
)

// Phrase says in words what a value of the type looks like.
func (t Type) Phrase() string {
	switch t {
	case Switch:
		return "true or false"
	case Count:
		return "a whole number"
	case Number:
		return "a number"
	case Rate:
		return "a number a second such as 14, or 30/m, 1000/h, 20000/d"
	case Duration:
		return "a duration such as 500ms, 30s, 5m, 24h or 7d"
	case Bytes:
		return "a size such as 512MiB, 10GiB or a number of bytes"
	case Choice:
		return "one of a few words"
	case List:
		return "a list (with commas in a variable)"
	case NetList:
		return "a list of addresses and networks such as 10.0.0.0/8"
	case URL:
		return "an http or https URL"
	case Listen:
		return "host:port such as 127.0.0.1:8080"
	case Object:
		return "a JSON object"
	case SecretText:
		return "a secret: text, env:NAME, file:PATH or sealed:…"
	case SecretList:
		return "a list of secrets: text, env:NAME, file:PATH or sealed:…"
	case ConnString:
		return "a connection string, or env:NAME, file:PATH, sealed:…"
	default:
		return "text"
	}
}

// raw is a value as a source holds it: text, or a list of texts.
type raw struct {
	text   string
	list   []string
	isList bool
}

// items reads the value as a list; text is split at commas.
func (r raw) items() []string {
	if r.isList {
		return r.list
	}
	var items []string
	for item := range strings.SplitSeq(r.text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func (r raw) String() string {
	if r.isList {
		return "[" + strings.Join(r.list, ", ") + "]"
	}
	return r.text
}

// parse turns a value into the Go value of its key's field. The second result
// says what is wrong with it, "" when nothing is. Secrets come here revealed.
func (k Key) parse(r raw) (any, string) {
	switch k.Type {
	case List:
		return r.items(), ""
	case NetList:
		return r.items(), badNetwork(r.items())
	case SecretList:
		var secrets []Secret
		for _, item := range r.items() {
			secrets = append(secrets, NewSecret(item))
		}
		return secrets, ""
	default: // one text
	}
	if r.isList {
		// A driver's own setting may be a list; it is handed on as one text.
		if !strings.HasSuffix(k.Path, "<option>") {
			return nil, "is a list; allowed: " + k.allowed()
		}
		return strings.Join(r.list, ","), ""
	}
	value, ok := parseText(k.Type, r.text)
	switch {
	case !ok, len(k.Allowed) > 0 && !slices.Contains(k.Allowed, r.text):
		return nil, "allowed: " + k.allowed()
	case !k.within(value):
		return nil, "out of bounds; allowed: " + k.allowed()
	}
	return value, ""
}

func parseText(t Type, text string) (any, bool) {
	switch t {
	case Switch:
		return parseSwitch(text)
	case Count:
		n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
		return n, err == nil
	case Number:
		n, err := strconv.ParseFloat(text, 64)
		return n, err == nil && !math.IsNaN(n) && !math.IsInf(n, 0)
	case Rate:
		n, err := ParseRate(text)
		return n, err == nil
	case Duration:
		d, err := ParseDuration(text)
		return d, err == nil
	case Bytes:
		return parseBytes(text)
	case URL:
		u, err := url.Parse(text)
		return strings.TrimRight(text, "/"), err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
	case Listen:
		host, port, err := net.SplitHostPort(text)
		_, portErr := strconv.ParseUint(port, 10, 16)
		return text, err == nil && portErr == nil && !strings.ContainsAny(host, " \t/@")
	case Object:
		return text, jsontext.Value(text).IsValid() && jsontext.Value(text).Kind() == '{'
	case SecretText:
		return NewSecret(text), true
	case ConnString:
		return NewDSN(text), true
	default:
		return text, true
	}
}

// allowed describes the values of the key in one phrase.
func (k Key) allowed() string {
	phrase := k.Type.Phrase()
	if len(k.Allowed) > 0 {
		phrase = strings.Join(k.Allowed, ", ")
	}
	switch {
	case k.Min != "" && k.Max != "":
		phrase += fmt.Sprintf(", from %s to %s", k.Min, k.Max)
	case k.Min != "":
		phrase += ", at least " + k.Min
	}
	return phrase
}

func (k Key) within(value any) bool {
	n := amount(value)
	if low, ok := parseText(k.Type, k.Min); ok && k.Min != "" && n < amount(low) {
		return false
	}
	if high, ok := parseText(k.Type, k.Max); ok && k.Max != "" && n > amount(high) {
		return false
	}
	return true
}

func amount(value any) float64 {
	switch v := value.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case time.Duration:
		return float64(v)
	default:
		return 0
	}
}

func parseSwitch(text string) (bool, bool) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, true
	case "false", "no", "off", "0":
		return false, true
	default:
		return false, false
	}
}

// ParseDuration is [time.ParseDuration] with days: "7d", "1d12h".
func ParseDuration(text string) (time.Duration, error) {
	var days time.Duration
	rest := text
	if before, after, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(before, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("config: %q is not %s", text, Duration.Phrase())
		}
		days, rest = time.Duration(n)*24*time.Hour, after
		if rest == "" {
			return days, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || (days > 0 && d < 0) {
		return 0, fmt.Errorf("config: %q is not %s", text, Duration.Phrase())
	}
	return days + d, nil
}

// ParseRate reads calls a second: "14", "0.5", or per unit: "30/m", "1000/h".
func ParseRate(text string) (float64, error) {
	number, unit, found := strings.Cut(text, "/")
	seconds, ok := map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 86400}[strings.TrimSpace(unit)]
	if !found {
		seconds, ok = 1, true
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !ok || n < 0 || math.IsInf(n, 0) || math.IsNaN(n) {
		return 0, fmt.Errorf("config: %q is not %s", text, Rate.Phrase())
	}
	return n / seconds, nil
}

func parseBytes(text string) (int64, bool) {
	units := []struct {
		suffix string
		size   int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}}
	number, size := text, int64(1)
	for _, unit := range units {
		if before, ok := strings.CutSuffix(text, unit.suffix); ok {
			number, size = strings.TrimSpace(before), unit.size
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/size {
		return 0, false
	}
	return n * size, true
}

func badNetwork(items []string) string {
	for _, item := range items {
		if _, err := netip.ParsePrefix(item); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(item); err != nil {
			return fmt.Sprintf("%q is neither; allowed: %s", item, NetList.Phrase())
		}
	}
	return ""
}
