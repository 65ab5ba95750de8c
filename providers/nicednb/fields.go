package nicednb

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/providers"
)

// Logical names of what a reply says.
const (
	fieldList           = "list" // of rows, inside dataBody; without one dataBody is the row
	fieldNumber         = "registration_number"
	fieldName           = "name"
	fieldRepresentative = "representative"
	fieldType           = "type"
	fieldIndustry       = "industry"
	fieldPostalCode     = "postal_code"
	fieldAddress        = "address"
	fieldDetail         = "address_detail"
	fieldPhone          = "phone"
	fieldOpenedOn       = "opened_on"
)

// DefaultFields returns where the search and the detail product have what a
// company needs: logical name → keys, tried in order.
func DefaultFields() map[string][]string {
	return map[string][]string{
		fieldList:           {"list01", "list"},
		fieldNumber:         {"bizNo"},
		fieldName:           {"cmpNm"},
		fieldRepresentative: {"ceoNm"},
		fieldType:           {"cmpTypNm"},
		fieldIndustry:       {"indNm"},
		fieldPostalCode:     {"zip"},
		fieldAddress:        {"adr", "addr1", "addr"},
		fieldDetail:         {"dtlAdr", "addr2"},
		fieldPhone:          {"telNo"},
		fieldOpenedOn:       {"estbDate"},
	}
}

func fieldNames(fields map[string][]string) []string { return slices.Sorted(maps.Keys(fields)) }

// row is one company as the vendor gives it.
type row map[string]jsontext.Value

// text returns the first non-empty value of a field.
func (r row) text(keys []string) string {
	for _, key := range keys {
		var text providers.VendorText
		if value, ok := r[key]; ok && text.UnmarshalJSON(value) == nil && text != "" {
			return string(text)
		}
	}
	return ""
}

func (r row) company(number string, fields map[string][]string) command.Company {
	address := r.text(fields[fieldAddress])
	if detail := r.text(fields[fieldDetail]); detail != "" {
		address = strings.TrimSpace(address + " " + detail)
	}
	return command.Company{
		RegistrationNumber: number,
		Name:               r.text(fields[fieldName]),
		Representative:     r.text(fields[fieldRepresentative]),
		Type:               r.text(fields[fieldType]),
		Industry:           r.text(fields[fieldIndustry]),
		Address:            address,
		PostalCode:         r.text(fields[fieldPostalCode]),
		Phone:              r.text(fields[fieldPhone]),
		OpenedOn:           providers.CleanDate(r.text(fields[fieldOpenedOn])),
	}
}

// digits keeps the digits of a number in any spelling.
func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}
