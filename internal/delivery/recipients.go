package delivery

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ShowRecipients is the result of a message to several: the contract's
// result.recipients[].
func ShowRecipients(recipients []Recipient) jsontext.Value {
	shown, err := json.Marshal(struct {
		Recipients []Recipient `json:"recipients"`
	}{recipients})
	if err != nil {
		return nil // addresses that were decoded strictly always encode
	}
	return shown
}

// MergeRecipients adds the outcomes of one round to those of earlier ones. An
// outcome only moves forward.
func MergeRecipients(earlier, now []Recipient) []Recipient {
	merged := slices.Clone(now)
	for _, e := range earlier {
		i := slices.IndexFunc(merged, func(r Recipient) bool { return FoldAddress(r.Address) == FoldAddress(e.Address) })
		switch {
		case i < 0:
			merged = append(merged, e)
		case merged[i].Status.Rank() < e.Status.Rank():
			merged[i] = e
		}
	}
	return merged
}
