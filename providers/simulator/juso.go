package simulator

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// jusoAPI is the simulated juso.go.kr: always HTTP 200, every number as text.
type jusoAPI struct {
	*Simulator
	catalogue func() catalogue
}

func (s *Simulator) juso(all func() catalogue) http.Handler {
	api := jusoAPI{s, all}
	mux := http.NewServeMux()
	mux.HandleFunc("/addrlink/addrLinkApi.do", api.search)
	return mux
}

type jusoResults struct {
	Common jusoCommon `json:"common"`
	Juso   *[]jusoRow `json:"juso"` // null when there is an error
}

type jusoCommon struct {
	ErrorMessage string `json:"errorMessage"`
	CountPerPage string `json:"countPerPage"`
	TotalCount   string `json:"totalCount"`
	ErrorCode    string `json:"errorCode"`
	CurrentPage  string `json:"currentPage"`
}

type jusoRow struct {
	Road     string `json:"roadAddr"`
	RoadOne  string `json:"roadAddrPart1"`
	RoadTwo  string `json:"roadAddrPart2"`
	Jibun    string `json:"jibunAddr"`
	English  string `json:"engAddr"`
	Zip      string `json:"zipNo"`
	Legal    string `json:"admCd"`
	RoadCode string `json:"rnMgtSn"`
	Building string `json:"bdMgtSn"`
	Parts    string `json:"detBdNmList"`
	Name     string `json:"bdNm"`
	Shared   string `json:"bdKdcd"`
	Province string `json:"siNm"`
	City     string `json:"sggNm"`
	Town     string `json:"emdNm"`
	Village  string `json:"liNm"`
	Street   string `json:"rn"`
	Under    string `json:"udrtYn"`
	Main     string `json:"buldMnnm"`
	Sub      string `json:"buldSlno"`
	Mountain string `json:"mtYn"`
	Lot      string `json:"lnbrMnnm"`
	Sublot   string `json:"lnbrSlno"`
	TownNo   string `json:"emdNo"`
}

// jusoMessages are the vendor's sentences for the codes that are simulated.
var jusoMessages = map[string]string{
	"0": "정상", "-999": "시스템에러", "E0001": "승인되지 않은 KEY 입니다.", "E0005": "검색어가 입력되지 않았습니다.",
	"E0006": "주소를 상세히 입력해 주시기 바랍니다.", "E0008": "검색어는 두글자 이상 입력되어야 합니다.",
	"E0009": "검색어는 문자와 숫자 같이 입력되어야 합니다.", "E0010": "검색어가 너무 깁니다. (한글40자, 영문,숫자 80자 이하)",
	"E0012": "특수문자+숫자만으로는 검색이 불가능 합니다.",
	"E0013": "SQL 예약어 또는 특수문자( %,=,>,<,[,] )는 검색이 불가능 합니다.",
	"E0015": "검색 범위를 초과하였습니다.",
}

var jusoForbidden = regexp.MustCompile(`(?i)[%=><\[\]]|\b(?:or|select|insert|delete|update|create|drop|exec|union|fetch|declare|truncate)\b`)

func (a jusoAPI) search(w http.ResponseWriter, r *http.Request) {
	keyword := strings.TrimSpace(r.FormValue("keyword"))
	number, size := formNumber(r, "currentPage", 1), min(formNumber(r, "countPerPage", 10), 100)
	answer := func(code string, found []houseAddress) {
		results := jusoResults{Common: jusoCommon{
			ErrorMessage: jusoMessages[code], ErrorCode: code, TotalCount: fmt.Sprint(len(found)),
			CountPerPage: fmt.Sprint(size), CurrentPage: fmt.Sprint(number),
		}}
		if code == "0" {
			rows := []jusoRow{}
			for _, at := range pageOf(found, number, size) {
				rows = append(rows, at.juso())
			}
			results.Juso = &rows
		}
		writeLookup(w, http.StatusOK, struct {
			Results jusoResults `json:"results"`
		}{results})
	}
	if _, secret := Credentials("juso"); r.FormValue("confmKey") != secret {
		answer("E0001", nil)
		return
	}
	if code := jusoCode(keyword); code != "0" {
		answer(code, nil)
		return
	}
	outcome := a.decide("juso", keyword, OfKeyword(keyword))
	if !a.stall(w, r, outcome) {
		return
	}
	switch outcome {
	case Throttle: // the vendor documents none; this is what its gateway would say
		w.Header().Set("Retry-After", "1")
		http.Error(w, "Too Many Requests", http.StatusTooManyRequests)
	case Error:
		answer("-999", nil)
	case NotFound:
		answer("0", nil)
	default:
		answer("0", a.catalogue().search(keyword))
	}
}

// jusoCode is the vendor's judgement of a keyword.
func jusoCode(keyword string) string {
	letters := strings.Trim(keyword, "0123456789 -_.,()/~!@#$^&*+")
	switch {
	case keyword == "":
		return "E0005"
	case jusoForbidden.MatchString(keyword):
		return "E0013"
	case utf8.RuneCountInString(keyword) < 2:
		return "E0008"
	case utf8.RuneCountInString(keyword) > 80:
		return "E0010"
	case strings.Trim(keyword, "0123456789") == "":
		return "E0009"
	case letters == "":
		return "E0012"
	case keyword == gangwon || keyword == "강원도":
		return "E0006"
	case keyword == "강원":
		return "E0015"
	}
	return "0"
}

func (a *houseAddress) juso() jusoRow {
	row := jusoRow{
		Road: strings.TrimSpace(a.road() + " " + a.reference()), RoadOne: a.road(), RoadTwo: a.reference(),
		Jibun: strings.TrimSpace(a.jibun() + " " + a.building), English: a.english(), Zip: fmt.Sprintf("%05d", a.zip),
		Legal: a.legalCode(), RoadCode: fmt.Sprintf("%s%07d", a.place.sigungu, a.roadCode),
		Building: fmt.Sprintf("%s1%04d%04d%06d", a.legalCode(), a.lot, a.sublot, a.main),
		Parts:    strings.Join(a.parts, ","), Name: a.building, Shared: "0", Province: gangwon, City: a.place.name,
		Town: a.town, Village: a.village, Street: a.street, Under: "0", Main: fmt.Sprint(a.main), Sub: "0", Mountain: "0",
		Lot: fmt.Sprint(a.lot), Sublot: fmt.Sprint(a.sublot), TownNo: "01",
	}
	if len(a.parts) > 0 {
		row.Shared = "1"
	}
	return row
}

func formNumber(r *http.Request, name string, otherwise int) int {
	n, err := strconv.Atoi(r.FormValue(name))
	if err != nil || n < 1 {
		return otherwise
	}
	return n
}
