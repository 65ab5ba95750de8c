package nicednb

import (
	"cmp"
	"strings"
	"time"

	"github.com/gangwon-portal/gangway/internal/fault"
)

// Options configure one account. Zero values take the defaults in brackets.
type Options struct {
	Name    string // as configured [nicednb]
	BaseURL string // without a slash at the end [https://gate.nicednb.com]
	// AppKey and AppSecret are the client credentials of the contract.
	AppKey, AppSecret string
	TokenPath         string // [/nice/oauth/v1.0/accesstoken]
	SearchPath        string // [/nice/bizinfo/v1.0/enterprise/general/search]
	// DetailPath is the contract's path of the detail product, which is asked
	// instead of the search when set.
	DetailPath string
	// Fields overrides single entries of [DefaultFields]: logical name → keys of
	// the reply, tried in order.
	Fields map[string][]string
	// SuccessCodes are the values of dataHeader.resCd that mean success; none
	// means that any does.
	SuccessCodes []string
	// NoDataCodes are the values of dataBody.errorCode that mean that nothing
	// was found [NOAG1001, NOAG1201].
	NoDataCodes []string
	// Codes gives reasons to further codes of either place, such as one for a
	// used-up allowance; codes without one are unavailable.
	Codes        map[string]fault.Reason
	TokenTimeout time.Duration // of one token call [10s]
	CheckNumber  string        // asked by Check [1248100998]
	Conns        int           // connections that are kept [16]
	Now          func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	o.Name = cmp.Or(o.Name, Source)
	o.BaseURL = strings.TrimRight(cmp.Or(o.BaseURL, "https://gate.nicednb.com"), "/")
	o.TokenPath = cmp.Or(o.TokenPath, "/nice/oauth/v1.0/accesstoken")
	o.SearchPath = cmp.Or(o.SearchPath, "/nice/bizinfo/v1.0/enterprise/general/search")
	o.TokenTimeout = cmp.Or(o.TokenTimeout, 10*time.Second)
	o.CheckNumber = cmp.Or(o.CheckNumber, "1248100998")
	if o.NoDataCodes == nil {
		o.NoDataCodes = noDataCodes
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	for code, reason := range o.Codes {
		if !reason.Valid() {
			return o, fault.InvalidField("codes", "%q of code %s is not a reason", reason, code)
		}
	}
	fields := DefaultFields()
	for name, keys := range o.Fields {
		if _, ok := fields[name]; !ok {
			return o, fault.InvalidField("fields", "%q is not a field of a company; known are %s", name, strings.Join(fieldNames(fields), ", "))
		}
		fields[name] = keys
	}
	o.Fields = fields
	return o, nil
}
