package simulator

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// ntsAPI is the simulated National Tax Service with the gateway before it.
type ntsAPI struct{ *Simulator }

func (s *Simulator) nts() http.Handler {
	api := ntsAPI{s}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/nts-businessman/v1/status", api.status)
	mux.HandleFunc("POST /api/nts-businessman/v1/validate", api.validate)
	return mux
}

// ntsGateway is the error shape of the gateway.
type ntsGateway struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// ntsStatus is the state of one registration. A number that is not registered
// has empty codes and a sentence as its tax type.
type ntsStatus struct {
	Number        string `json:"b_no"`
	State         string `json:"b_stt"`
	Code          string `json:"b_stt_cd"`
	TaxType       string `json:"tax_type"`
	TaxCode       string `json:"tax_type_cd"`
	ClosedOn      string `json:"end_dt"`
	UnitTax       string `json:"utcc_yn"`
	TaxChanged    string `json:"tax_type_change_dt"`
	InvoiceFrom   string `json:"invoice_apply_dt"`
	BeforeTax     string `json:"rbf_tax_type"`
	BeforeTaxCode string `json:"rbf_tax_type_cd"`
}

// ntsPerson is one question of validate; the answer repeats it.
type ntsPerson struct {
	Number   string `json:"b_no"`
	OpenedOn string `json:"start_dt"`
	Name     string `json:"p_nm"`
}

type ntsValid struct {
	Number  string     `json:"b_no"`
	Valid   string     `json:"valid"`
	Message string     `json:"valid_msg,omitzero"`
	Asked   ntsPerson  `json:"request_param"`
	Status  *ntsStatus `json:"status,omitzero"`
}

type ntsAnswer[T any] struct {
	Status  string `json:"status_code"`
	Asked   int    `json:"request_cnt"`
	Matched int    `json:"match_cnt,omitzero"`
	Valid   int    `json:"valid_cnt,omitzero"`
	Data    []T    `json:"data"`
}

func (a ntsAPI) status(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Numbers []string `json:"b_no"`
	}
	err := json.UnmarshalRead(r.Body, &asked)
	if !a.admitted(w, r, asked.Numbers, err) {
		return
	}
	answer := ntsAnswer[ntsStatus]{Status: "OK", Asked: len(asked.Numbers), Data: []ntsStatus{}}
	for _, number := range asked.Numbers {
		if !a.answers(number, len(asked.Numbers)) {
			continue
		}
		state := ntsStatusOf(number)
		if state.Code != "" {
			answer.Matched++
		}
		answer.Data = append(answer.Data, state)
	}
	writeLookup(w, http.StatusOK, answer)
}

func (a ntsAPI) validate(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Businesses []ntsPerson `json:"businesses"`
	}
	err := json.UnmarshalRead(r.Body, &asked)
	var numbers []string
	for _, person := range asked.Businesses {
		numbers = append(numbers, person.Number)
		if err == nil && (person.OpenedOn == "" || person.Name == "") {
			writeLookup(w, http.StatusLengthRequired, map[string]string{"status_code": "REQUEST_DATA_MALFORMED"})
			return
		}
	}
	if !a.admitted(w, r, numbers, err) {
		return
	}
	answer := ntsAnswer[ntsValid]{Status: "OK", Asked: len(numbers), Data: []ntsValid{}}
	for _, person := range asked.Businesses {
		if !a.answers(person.Number, len(numbers)) {
			continue
		}
		item := ntsValid{Number: person.Number, Valid: "02", Message: "확인할 수 없습니다.", Asked: person}
		c, known := companyOf(person.Number)
		if known && strings.ReplaceAll(c.OpenedOn, "-", "") == person.OpenedOn && slices.Contains(c.representatives, person.Name) {
			state := ntsStatusOf(person.Number)
			item.Valid, item.Message, item.Status = "01", "", &state
			answer.Valid++
		}
		answer.Data = append(answer.Data, item)
	}
	writeLookup(w, http.StatusOK, answer)
}

// admitted checks the key and the form of a request and carries out what befalls
// the whole call: an injected fault, or the outcome of a number asked alone. It
// reports whether to answer.
func (a ntsAPI) admitted(w http.ResponseWriter, r *http.Request, numbers []string, err error) bool {
	_, secret := Credentials("nts")
	key := r.URL.Query().Get("serviceKey")
	if header, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Infuser "); ok && key == "" {
		key = header
	}
	switch {
	case key == "":
		writeLookup(w, http.StatusUnauthorized, ntsGateway{-401, "인증키는 필수 항목 입니다."})
		return false
	case key != secret: // also a key that was encoded twice
		writeLookup(w, http.StatusBadRequest, ntsGateway{-4, "등록되지 않은 인증키 입니다."})
		return false
	case err != nil:
		writeLookup(w, http.StatusBadRequest, map[string]string{"status_code": "BAD_JSON_REQUEST"})
		return false
	case len(numbers) == 0:
		writeLookup(w, http.StatusLengthRequired, map[string]string{"status_code": "REQUEST_DATA_MALFORMED"})
		return false
	case len(numbers) > 100:
		writeLookup(w, http.StatusRequestEntityTooLarge, map[string]string{"status_code": "TOO_LARGE_REQUEST"})
		return false
	}
	asked := Success
	if len(numbers) == 1 {
		asked = OfBusiness(numbers[0])
	} else if slices.ContainsFunc(numbers, func(number string) bool { return OfBusiness(number) == Slow }) {
		asked = Slow
	}
	outcome := a.decide("nts", numbers[0], asked)
	if !a.stall(w, r, outcome) {
		return false
	}
	switch outcome {
	case Throttle:
		w.Header().Set("Retry-After", "1")
		writeLookup(w, http.StatusTooManyRequests, ntsGateway{-10, "트래픽 허용 횟수를 초과하였습니다."})
	case Error:
		writeLookup(w, http.StatusInternalServerError, map[string]string{"status_code": "INTERNAL_ERROR"})
	default:
		return true
	}
	return false
}

// answers reports whether a number that shares its call gets an answer. The
// outcomes of failure leave out the number that asked for them, not the others
// that happen to share its call; throttle does so once, as for a number alone.
func (a ntsAPI) answers(number string, shared int) bool {
	if shared == 1 {
		return true
	}
	switch outcome := OfBusiness(number); outcome {
	case Throttle:
		return a.decide("nts", number, outcome) == Success
	case Error, Timeout, Drop:
		return false
	default:
		return true
	}
}

func ntsStatusOf(number string) ntsStatus {
	c, known := companyOf(number)
	if !known {
		return ntsStatus{Number: number, TaxType: "국세청에 등록되지 않은 사업자등록번호입니다."}
	}
	return ntsStatus{
		Number: number, State: map[string]string{"01": "계속사업자", "02": "휴업자", "03": "폐업자"}[c.state], Code: c.state,
		TaxType: c.taxName, TaxCode: c.taxCode, ClosedOn: strings.ReplaceAll(c.ClosedOn, "-", ""), UnitTax: "N",
		BeforeTax: "해당없음", BeforeTaxCode: "99",
	}
}
