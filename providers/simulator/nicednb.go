package simulator

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// niceTokenLife is how long the simulated NICE D&B honours a token.
const niceTokenLife = 24 * time.Hour

// niceAPI is the simulated NICE D&B: a token by client credentials, then
// company searches. Its paths and shapes are those that the driver defaults to.
type niceAPI struct {
	*Simulator
	mu     sync.Mutex
	tokens map[string]time.Time // until when each is honoured
}

func (s *Simulator) nicednb() http.Handler {
	api := &niceAPI{Simulator: s, tokens: map[string]time.Time{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /nice/oauth/v1.0/accesstoken", api.token)
	mux.HandleFunc("POST /nice/bizinfo/v1.0/enterprise/general/search", api.search)
	return mux
}

// niceHeader is the dataHeader of every reply.
type niceHeader struct {
	ResCd  string `json:"resCd,omitzero"`
	ResMsg string `json:"resMsg,omitzero"`
}

func niceError(w http.ResponseWriter, status int, code, message string) {
	writeLookup(w, status, struct {
		Header niceHeader `json:"dataHeader"`
	}{niceHeader{code, message}})
}

func (a *niceAPI) token(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		AppKey    string `json:"appKey"`
		AppSecret string `json:"appSecret"`
		GrantType string `json:"grantType"`
		Scope     string `json:"scope"`
	}
	if json.UnmarshalRead(r.Body, &asked) != nil || asked.GrantType != "client_credentials" || asked.Scope != "oob" {
		niceError(w, http.StatusBadRequest, "E400", "요청 형식이 올바르지 않습니다.")
		return
	}
	user, secret := Credentials("nicednb")
	if asked.AppKey != user || asked.AppSecret != secret {
		niceError(w, http.StatusUnauthorized, "E401", "appKey 또는 appSecret이 올바르지 않습니다.")
		return
	}
	a.mu.Lock()
	token := fmt.Sprintf("sim.%016x.nice", seedOf("token", fmt.Sprint(len(a.tokens))))
	a.tokens[token] = a.options.Now().Add(niceTokenLife)
	a.mu.Unlock()
	writeLookup(w, http.StatusOK, struct {
		Header      niceHeader `json:"dataHeader"`
		AccessToken string     `json:"accessToken"`
		TokenType   string     `json:"tokenType"`
		ExpiresIn   int        `json:"expiresIn"`
	}{AccessToken: token, TokenType: "Bearer", ExpiresIn: int(niceTokenLife.Seconds())})
}

func (a *niceAPI) authorised(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	defer a.mu.Unlock()
	return ok && a.options.Now().Before(a.tokens[token])
}

// niceRow is one company of a search reply.
type niceRow struct {
	BizNo    string `json:"bizNo"`
	Name     string `json:"cmpNm"`
	CEO      string `json:"ceoNm"`
	Zip      string `json:"zip"`
	Address  string `json:"adr"`
	Detail   string `json:"dtlAdr"`
	Size     string `json:"cmpSclNm"`
	Industry string `json:"indNm"`
	Type     string `json:"cmpTypNm"`
	Phone    string `json:"telNo"`
	Fax      string `json:"faxTelNo"`
}

type niceBody struct {
	Total     string    `json:"totalCount,omitzero"`
	Rows      []niceRow `json:"list01,omitempty"`
	ErrorCode string    `json:"errorCode,omitzero"`
	ErrorMsg  string    `json:"errorMsg,omitzero"`
}

func (a *niceAPI) search(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name  string `json:"searchName"`
		Value string `json:"searchValue"`
	}
	err := json.UnmarshalRead(r.Body, &asked)
	switch {
	case !a.authorised(r):
		niceError(w, http.StatusUnauthorized, "E401", "유효하지 않은 토큰입니다.")
		return
	case err != nil || asked.Name != "BIZ_NO":
		niceError(w, http.StatusForbidden, "E403", "이용 권한이 없는 상품입니다.")
		return
	}
	outcome := a.decide("nicednb", asked.Value, OfBusiness(asked.Value))
	if !a.stall(w, r, outcome) {
		return
	}
	c, known := companyOf(asked.Value)
	switch {
	case outcome == Throttle:
		w.Header().Set("Retry-After", "1")
		niceError(w, http.StatusTooManyRequests, "E429", "호출 허용량을 초과하였습니다.")
	case outcome == Error:
		niceError(w, http.StatusInternalServerError, "E500", "시스템 오류가 발생하였습니다.")
	case !known || outcome == NotFound || outcome == NotRegistered:
		a.found(w, niceBody{ErrorCode: "NOAG1001", ErrorMsg: "조회된 결과가 없습니다."})
	default:
		a.found(w, niceBody{Total: "1", Rows: []niceRow{{
			BizNo: c.RegistrationNumber, Name: c.Name, CEO: c.Representative, Zip: c.PostalCode,
			Address: c.Address, Detail: c.address.building, Size: c.size, Industry: c.Industry, Type: c.Type, Phone: c.Phone,
		}}})
	}
}

func (a *niceAPI) found(w http.ResponseWriter, body niceBody) {
	writeLookup(w, http.StatusOK, struct {
		Header niceHeader `json:"dataHeader"`
		Body   niceBody   `json:"dataBody"`
	}{niceHeader{ResCd: "0000"}, body})
}

// writeLookup answers with JSON.
func writeLookup(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, value)
}
