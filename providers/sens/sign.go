package sens

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
)

// signature signs one call: method, path with query exactly as they are sent
// (the colons of the service id unescaped), time stamp and access key. The body
// is not covered; the vendor refuses a stamp more than five minutes off.
func signature(secret, method, pathAndQuery string, stamp int64, accessKey string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(method + " " + pathAndQuery + "\n" + decimal(stamp) + "\n" + accessKey))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// decimal writes a time stamp in milliseconds as the header has it.
func decimal(stamp int64) string { return strconv.FormatInt(stamp, 10) }
