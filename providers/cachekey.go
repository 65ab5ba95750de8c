package providers

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"
)

// Keyed is a request whose answers are kept.
type Keyed interface {
	// Question normalises the request, so that what means the same is the same:
	// the call that answers it (the middle of its cache keys), what it is about,
	// and the rest of it. Drivers ask in the same normal form, so that nobody gets the
	// answer to another's spelling.
	Question() (call, about, rest string)
	// Negative reports whether an answer says no. It is believed for a shorter
	// time: what is not there today may be registered tomorrow.
	Negative(result jsontext.Value) bool
}

// CacheKey is the key under which a provider's answer is kept:
// <provider>.<call>.<hash of what it is about>-<hash of the whole>. Hashes keep
// names, numbers and addresses out of the bucket's subjects.
func CacheKey(provider string, request Keyed) string {
	call, about, rest := request.Question()
	return provider + "." + call + "." + hashed(16, about) + "-" + hashed(8, call, about, rest)
}

// CachePattern matches the keys of everything that any provider said about what
// request is about, whatever else was asked.
func CachePattern(request Keyed) string {
	_, about, _ := request.Question()
	return "*." + hashed(16, about) + "-*"
}

// hashed returns n bytes of a hash as hexadecimal digits.
func hashed(n int, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:n])
}

// Question implements [Keyed]. The call is company, or representative.
func (c Company) Question() (call, about, rest string) {
	about = "company " + c.RegistrationNumber
	if c.Representative == "" {
		return "company", about, ""
	}
	return "representative", about, CleanName(c.Representative) + "\x00" + c.OpenedOn
}

// Negative implements [Keyed].
func (c Company) Negative(result jsontext.Value) bool {
	var answer BusinessResult
	if json.Unmarshal(result, &answer) != nil {
		return true
	}
	switch answer.Outcome {
	case BusinessNotFound, BusinessNotRegistered, BusinessMismatch:
		return true
	default:
		return false
	}
}

// Question implements [Keyed]. The call is search.
func (a Address) Question() (call, about, rest string) {
	about = "address " + strings.ToLower(CleanText(norm.NFC.String(a.Keyword)))
	page, size := max(a.Page, 1), cmp.Or(a.Size, 10)
	return "search", about, strconv.Itoa(page) + " " + strconv.Itoa(size) + " " + strconv.FormatBool(a.English)
}

// Negative implements [Keyed].
func (a Address) Negative(result jsontext.Value) bool {
	var answer struct {
		Total int `json:"total"`
	}
	return json.Unmarshal(result, &answer) != nil || answer.Total == 0
}

// Mark says where a kept answer comes from.
func (r *BusinessResult) Mark(source string, stale bool) { r.Source, r.Stale = source, stale }

// Mark says where a kept answer comes from.
func (r *AddressResult) Mark(source string, stale bool) { r.Source, r.Stale = source, stale }

// Sources of answers that are no provider's.
const (
	FromCache   = "cache"
	FromDefault = "default"
	FromManual  = "manual"
)

var (
	_ Keyed = Company{}
	_ Keyed = Address{}
)
