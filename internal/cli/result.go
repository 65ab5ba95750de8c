package cli

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
)

// result prints what came of a command: of a look-up the answer, of a message to
// several people each of them. What it cannot read it prints as it is.
func (p *program) result(v delivery.View) {
	printed := false
	switch v.Kind {
	case command.AddressSearch:
		printed = p.addresses(v.Result)
	case command.BusinessVerify:
		printed = p.company(v.Result)
	case command.EmailSend, command.SMSSend:
		printed = p.recipients(v.Result)
	default: // of the others the result is shown as it is
	}
	if printed || len(v.Result) == 0 {
		return
	}
	text := v.Result.Clone()
	_ = text.Indent(jsontext.WithIndent("  ")) // of what is no JSON, the text itself is shown
	p.out.printf("%s\n", cleanLines(string(text)))
}

func (p *program) addresses(result jsontext.Value) bool {
	var found struct {
		Total int `json:"total"`
		Items []struct {
			PostalCode   string `json:"postal_code"`
			RoadAddress  string `json:"road_address"`
			JibunAddress string `json:"jibun_address"`
			BuildingName string `json:"building_name"`
		} `json:"items"`
		Source string `json:"source"`
		Stale  bool   `json:"stale"`
	}
	if json.Unmarshal(result, &found) != nil {
		return false
	}
	rows := make([][]string, len(found.Items))
	for i, item := range found.Items {
		rows[i] = []string{item.PostalCode, item.RoadAddress, item.JibunAddress, item.BuildingName}
	}
	if len(rows) > 0 {
		p.out.table([]column{
			{title: "postal code"}, {title: "road address"}, {title: "jibun address", shrink: 36}, {title: "building", shrink: 20},
		}, rows)
	}
	p.out.printf("%s\n", clean(strconv.Itoa(len(rows))+" of "+strconv.Itoa(found.Total)+" found"+origin(found.Source, found.Stale)))
	return true
}

func (p *program) company(result jsontext.Value) bool {
	var answer struct {
		Outcome string          `json:"outcome"`
		Company command.Company `json:"company"`
		Source  string          `json:"source"`
		Stale   bool            `json:"stale"`
		AsOf    string          `json:"as_of"`
	}
	if json.Unmarshal(result, &answer) != nil || answer.Outcome == "" {
		return false
	}
	c := answer.Company
	p.out.pairs([]pair{
		{"outcome", clean(answer.Outcome + origin(answer.Source, answer.Stale))},
		{"number", clean(c.RegistrationNumber)},
		{"name", clean(c.Name)},
		{"representative", clean(c.Representative)},
		{"status", clean(c.Status)},
		{"type", clean(c.Type)},
		{"tax type", clean(c.TaxType)},
		{"industry", clean(c.Industry)},
		{"address", clean(strings.TrimSpace(c.PostalCode + " " + c.Address))},
		{"phone", clean(c.Phone)},
		{"opened on", clean(c.OpenedOn)},
		{"closed on", clean(c.ClosedOn)},
		{"as of", clean(answer.AsOf)},
	})
	return true
}

func (p *program) recipients(result jsontext.Value) bool {
	var outcome struct {
		Recipients []delivery.Recipient `json:"recipients"`
	}
	if json.Unmarshal(result, &outcome) != nil || len(outcome.Recipients) == 0 {
		return false
	}
	rows := make([][]string, len(outcome.Recipients))
	for i, r := range outcome.Recipients {
		rows[i] = []string{r.Address, string(r.Status), string(r.Reason)}
	}
	p.out.table([]column{{title: "recipient"}, {title: "status", style: statusStyle}, {title: "reason"}}, rows)
	return true
}

// origin says where an answer came from when that is not the provider's word of
// this moment.
func origin(source string, stale bool) string {
	switch {
	case source == "":
		return ""
	case stale:
		return " (from " + source + ", out of date)"
	}
	return " (from " + source + ")"
}
