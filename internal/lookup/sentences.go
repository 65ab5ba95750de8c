package lookup

import (
	"net/http"

	"golang.org/x/text/language"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
)

// sentence says to a person, in both languages, what went wrong and what to do.
// It never repeats what a provider said.
type sentence struct {
	code   fault.Reason
	field  string
	ko, en string
}

func (s sentence) in(tag string) string {
	if tag == english {
		return s.en
	}
	return s.ko
}

// The two languages. Korean is first: whoever asks for neither gets it.
const (
	korean  = "ko"
	english = "en"
)

// tongue chooses the language of an Accept-Language header.
func tongue(accept string) string {
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return korean
	}
	for _, tag := range tags {
		switch base, _ := tag.Base(); base.String() {
		case korean:
			return korean
		case english:
			return english
		}
	}
	return korean
}

var (
	tooOften = sentence{fault.RateLimited, "",
		"검색을 너무 자주 요청했습니다. 잠시 후 다시 시도해 주세요.",
		"You have searched too often. Please try again in a moment."}
	unreadable = sentence{fault.Invalid, "",
		"요청을 읽을 수 없습니다.",
		"The request could not be read."}
)

// byKeyword are the mistakes of a keyword by the code of whoever found them: the
// codes of juso.go.kr, which its driver passes on (see providers/juso).
var byKeyword = map[string]sentence{
	"E0005": {fault.Invalid, "keyword", "검색어를 입력해 주세요.", "Please enter what to search for."},
	"E0006": {fault.Invalid, "keyword", "검색어가 너무 포괄적입니다. 도로명, 동 이름 또는 건물 번호를 함께 입력해 주세요.", "The search is too vague. Add a road, a district or a building number."},
	"E0008": {fault.Invalid, "keyword", "검색어는 두 글자 이상 입력해 주세요.", "Please enter at least two characters."},
	"E0009": {fault.Invalid, "keyword", "숫자만으로는 검색할 수 없습니다. 도로명이나 동 이름을 함께 입력해 주세요.", "Numbers alone cannot be searched for. Add a road or a district."},
	"E0010": {fault.Invalid, "keyword", "검색어가 너무 깁니다. 짧게 줄여 주세요.", "The search is too long. Please shorten it."},
	"E0011": {fault.Invalid, "keyword", "숫자는 열 자리까지만 입력할 수 있습니다.", "Numbers may have at most ten digits."},
	"E0012": {fault.Invalid, "keyword", "숫자와 특수문자만으로는 검색할 수 없습니다. 도로명이나 동 이름을 함께 입력해 주세요.", "Digits and symbols alone cannot be searched for. Add a road or a district."},
	"E0013": {fault.Invalid, "keyword", "검색어에 사용할 수 없는 문자가 있습니다. 특수문자를 빼고 다시 입력해 주세요.", "The search has characters that cannot be used. Please leave out the symbols."},
	"E0015": {fault.Invalid, "keyword", "검색 결과가 너무 많습니다. 도로명, 동 이름 또는 건물 번호를 더 입력해 주세요.", "There are too many results. Add a road, a district or a building number."},
}

// byField are the mistakes of a request by the field that has them.
var byField = map[string]sentence{
	"keyword":             {fault.Invalid, "keyword", "검색어를 확인해 주세요. 두 글자 이상의 도로명, 동 이름 또는 건물 이름이 필요합니다.", "Please check what you entered: a road, district or building of at least two characters is needed."},
	"page":                {fault.Invalid, "page", "페이지 번호가 올바르지 않습니다.", "The page number is not valid."},
	"size":                {fault.Invalid, "size", "한 페이지의 결과 수는 1에서 100까지입니다.", "A page has 1 to 100 results."},
	"registration_number": {fault.Invalid, "registration_number", "사업자등록번호를 확인해 주세요. 열 자리 숫자여야 합니다.", "Please check the business registration number: it has ten digits."},
	"representative":      {fault.Invalid, "representative", "대표자 이름을 확인해 주세요.", "Please check the name of the representative."},
	"name":                {fault.Invalid, "name", "대표자 이름을 입력해 주세요.", "Please enter the name of the representative."},
	"opened_on":           {fault.Invalid, "opened_on", "개업일을 확인해 주세요. 예: 1969-01-13", "Please check the opening date, such as 1969-01-13."},
}

// busy is a provider's failure, whatever it is, by what was asked.
var busy = map[command.Kind]sentence{
	command.AddressSearch: {"", "",
		"주소 검색 서비스가 잠시 원활하지 않습니다. 잠시 후 다시 시도해 주세요.",
		"The address service is busy. Please try again in a moment."},
	command.BusinessVerify: {"", "",
		"사업자 정보 조회 서비스가 잠시 원활하지 않습니다. 잠시 후 다시 시도하거나 담당자의 확인을 기다려 주세요.",
		"The company register is busy. Please try again in a moment, or wait for a person to check."},
}

// explain finds the sentence and the HTTP status of a failure.
func explain(kind command.Kind, err error) (sentence, int) {
	failure := fault.As(err)
	status := failure.Reason.Rule().HTTP
	if failure.Reason == fault.Invalid {
		if s, ok := byKeyword[failure.Code]; ok {
			return s, status
		}
		if s, ok := byField[failure.Field]; ok {
			return s, status
		}
		s := unreadable
		s.field = failure.Field
		return s, status
	}
	if status < http.StatusInternalServerError && failure.Reason != fault.RateLimited {
		status = http.StatusServiceUnavailable
	}
	s := busy[kind]
	s.code = failure.Reason
	return s, status
}

// Explained is a failure in a sentence for whoever asked, in a language of
// acceptLanguage. The cause is kept for the log.
func Explained(kind command.Kind, err error, acceptLanguage string) error {
	said, _ := explain(kind, err)
	return &fault.Error{
		Reason: fault.Of(err), Field: said.field, Message: said.in(tongue(acceptLanguage)), RetryAfter: fault.As(err).RetryAfter, Err: err,
	}
}
