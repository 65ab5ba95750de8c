package broker

import (
	"fmt"
	"strconv"
	"strings"
)

// Scheduled messages ("@at") came with NATS server 2.12.
const (
	minServerMajor = 2
	minServerMinor = 12
)

// TooOldError reports a server that lacks what Gangway needs. Waiting does not
// help; a program shows the sentence and ends.
type TooOldError struct {
	// Version is what the server calls itself: "2.11.4".
	Version string
}

// Error is the whole sentence that an operator sees.
func (e *TooOldError) Error() string {
	return fmt.Sprintf("NATS server %s is too old: %d.%d or newer is required (scheduled messages)",
		e.Version, minServerMajor, minServerMinor)
}

func checkServerVersion(version string) error {
	var number [2]int
	for i, part := range strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3) {
		if i == len(number) {
			break
		}
		digits := part
		if end := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = part[:end]
		}
		n, err := strconv.Atoi(digits)
		if err != nil {
			return &TooOldError{Version: version}
		}
		number[i] = n
	}
	if number[0] < minServerMajor || (number[0] == minServerMajor && number[1] < minServerMinor) {
		return &TooOldError{Version: version}
	}
	return nil
}
