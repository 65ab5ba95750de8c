package solapi

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// authorization signs one call. The vendor refuses a signature that it has seen
// within 15 minutes, and a date further off than that, so both date and salt are
// made anew for every attempt; a header made once and used for a retry fails.
func (d *Driver) authorization() string {
	date := d.options.Now().UTC().Format(time.RFC3339)
	return header(d.options.APIKey, d.options.APISecret, date, rand.Text())
}

// header is the value of Authorization: an HMAC over date and salt, not over the
// body. The salt has 12 to 64 characters.
func header(key, secret, date, salt string) string {
	return "HMAC-SHA256 apiKey=" + key + ", date=" + date + ", salt=" + salt + ", signature=" + signature(secret, date, salt)
}

func signature(secret, date, salt string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(date + salt))
	return hex.EncodeToString(mac.Sum(nil))
}
