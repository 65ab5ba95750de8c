package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	sigV4Algorithm = "AWS4-HMAC-SHA256"
	sigV4Time      = "20060102T150405Z"
	sigV4Skew      = 15 * time.Minute
)

// verifySigV4 checks an AWS Signature Version 4 in the Authorization header as
// the services do, by the published procedure. It returns the service's word for
// what is wrong, "" when nothing is.
func verifySigV4(r *http.Request, body []byte, key, secret, service string, now time.Time) (code, message string) {
	algorithm, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if algorithm == "" {
		return "MissingAuthenticationToken", "Request is missing Authentication Token"
	}
	part := map[string]string{}
	for _, pair := range strings.Split(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		part[name] = value
	}
	scope := strings.Split(part["Credential"], "/") // key/date/region/service/aws4_request
	signed := strings.Split(part["SignedHeaders"], ";")
	stamp := r.Header.Get("X-Amz-Date")
	at, err := time.Parse(sigV4Time, stamp)
	switch {
	case algorithm != sigV4Algorithm || len(scope) != 5 || err != nil || !slices.Contains(signed, "host"):
		return "IncompleteSignature", "The request signature does not conform to AWS standards."
	case scope[0] != key:
		return "InvalidClientTokenId", "The security token included in the request is invalid."
	case scope[3] != service || scope[4] != "aws4_request" || scope[1] != stamp[:8]:
		return "SignatureDoesNotMatch", "Credential should be scoped to correct service and date."
	case now.Sub(at) > sigV4Skew || at.Sub(now) > sigV4Skew:
		return "RequestExpired", "Signature expired."
	}
	hashed := sha256.Sum256([]byte(canonicalRequest(r, signed, body)))
	text := strings.Join([]string{sigV4Algorithm, stamp, strings.Join(scope[1:], "/"), hex.EncodeToString(hashed[:])}, "\n")
	signing := []byte("AWS4" + secret)
	for _, step := range scope[1:] {
		signing = hmacSHA256(signing, step)
	}
	if !hmac.Equal([]byte(hex.EncodeToString(hmacSHA256(signing, text))), []byte(part["Signature"])) {
		return "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
	}
	return "", ""
}

// canonicalRequest is what the client hashed: the request as it was sent, in
// one spelling.
func canonicalRequest(r *http.Request, signed []string, body []byte) string {
	path, rawQuery, _ := strings.Cut(r.RequestURI, "?")
	query, _ := url.ParseQuery(rawQuery)
	var headers strings.Builder
	for _, name := range signed {
		values := slices.Clone(r.Header.Values(name))
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length":
			values = []string{r.Header.Get("Content-Length")}
		}
		for i, value := range values {
			values[i] = strings.Join(strings.Fields(value), " ")
		}
		headers.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	hashed := sha256.Sum256(body)
	return strings.Join([]string{
		r.Method, path, strings.ReplaceAll(query.Encode(), "+", "%20"), headers.String(), strings.Join(signed, ";"), hex.EncodeToString(hashed[:]),
	}, "\n")
}

func hmacSHA256(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
