package nicednb

import (
	"errors"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

type searchRequest struct {
	SearchName  string `json:"searchName"`
	SearchValue string `json:"searchValue"`
	PageNum     string `json:"pageNum"`
	PageCount   string `json:"pageCount"`
}

type detailRequest struct {
	BizNo string `json:"bizNo"`
}

// envelope is the form of every reply but the token's.
type envelope struct {
	Header struct {
		Result providers.VendorText `json:"resCd"`
	} `json:"dataHeader"`
	Body row `json:"dataBody"`
}

// reply is a readable answer: rows, or the vendor's word that there are none.
type reply struct {
	empty bool
	rows  []row
}

// read judges an answer. "Nothing found" is looked for before the status, for
// the vendor was seen to answer it with 403 as well.
func (p *Provider) read(answer providers.HTTPAnswer) (reply, error) {
	var got envelope
	decodeErr := providers.DecodeAnswer(answer.Body, &got)
	code := got.Body.text([]string{"errorCode"})
	switch {
	case decodeErr == nil && slices.Contains(p.options.NoDataCodes, code):
		return reply{empty: true}, nil
	case answer.Status != http.StatusOK:
		e := providers.StatusFault(opSearch, answer)
		if answer.Status == http.StatusForbidden {
			e.Message = "the contract does not cover this call"
		}
		return reply{}, e
	case decodeErr != nil:
		return reply{}, p.client.Unreadable(opSearch, decodeErr)
	case code != "":
		return reply{}, p.options.coded(code)
	case len(p.options.SuccessCodes) > 0 && !slices.Contains(p.options.SuccessCodes, string(got.Header.Result)):
		return reply{}, p.options.coded(string(got.Header.Result))
	case got.Body == nil:
		return reply{}, p.client.Unreadable(opSearch, errors.New("no dataBody"))
	}
	rows, err := got.Body.list(p.options.Fields[fieldList])
	if err != nil {
		return reply{}, p.client.Unreadable(opSearch, err)
	}
	return reply{empty: len(rows) == 0, rows: rows}, nil
}

// list returns the rows of a body: those of its list, or the body itself, as
// the detail product has it.
func (r row) list(keys []string) ([]row, error) {
	for _, key := range keys {
		value, ok := r[key]
		if !ok || value.Kind() == 'n' {
			continue
		}
		var rows []row
		if err := json.Unmarshal(value, &rows, jsontext.AllowDuplicateNames(true)); err != nil {
			return nil, errors.New(key + " is not a list of rows")
		}
		return rows, nil
	}
	if count := r.text([]string{"totalCount"}); count == "0" || len(r) == 0 {
		return nil, nil
	}
	return []row{r}, nil
}

// about returns the row of the number that was asked for.
func (r reply) about(number string, fields map[string][]string) (row, error) {
	for _, row := range r.rows {
		if digits(row.text(fields[fieldNumber])) == number {
			return row, nil
		}
	}
	e := fault.New(fault.Unavailable, opSearch, "the answer is about another company than the one asked for")
	e.Code = CodeEcho
	return nil, e
}
