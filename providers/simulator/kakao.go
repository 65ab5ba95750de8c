package simulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// kakaoAPI is the simulated Kakao Local: address search with coordinates.
type kakaoAPI struct {
	*Simulator
	catalogue func() catalogue
}

func (s *Simulator) kakao(all func() catalogue) http.Handler {
	api := kakaoAPI{s, all}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/local/search/address.json", api.search)
	return mux
}

// kakaoError and kakaoRefusal are the vendor's two shapes of errors.
type kakaoError struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

type kakaoRefusal struct {
	Type    string `json:"errorType"`
	Message string `json:"message"`
}

type kakaoAnswer struct {
	Meta      kakaoMeta       `json:"meta"`
	Documents []kakaoDocument `json:"documents"`
}

type kakaoMeta struct {
	Total    int  `json:"total_count"`
	Pageable int  `json:"pageable_count"`
	End      bool `json:"is_end"`
}

type kakaoDocument struct {
	Name    string    `json:"address_name"`
	Type    string    `json:"address_type"`
	X       string    `json:"x"`
	Y       string    `json:"y"`
	Address kakaoLot  `json:"address"`
	Road    kakaoRoad `json:"road_address"`
}

type kakaoLot struct {
	Name     string `json:"address_name"`
	Province string `json:"region_1depth_name"`
	City     string `json:"region_2depth_name"`
	Town     string `json:"region_3depth_name"`
	HTown    string `json:"region_3depth_h_name"`
	HCode    string `json:"h_code"`
	BCode    string `json:"b_code"`
	Mountain string `json:"mountain_yn"`
	Main     string `json:"main_address_no"`
	Sub      string `json:"sub_address_no"`
	X        string `json:"x"`
	Y        string `json:"y"`
}

type kakaoRoad struct {
	Name     string `json:"address_name"`
	Province string `json:"region_1depth_name"`
	City     string `json:"region_2depth_name"`
	Town     string `json:"region_3depth_name"`
	Street   string `json:"road_name"`
	Under    string `json:"underground_yn"`
	Main     string `json:"main_building_no"`
	Sub      string `json:"sub_building_no"`
	Building string `json:"building_name"`
	Zone     string `json:"zone_no"`
	X        string `json:"x"`
	Y        string `json:"y"`
}

func (a kakaoAPI) search(w http.ResponseWriter, r *http.Request) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "KakaoAK ")
	if _, secret := Credentials("kakao"); !ok || key != secret {
		// The vendor repeats the key it was given.
		writeLookup(w, http.StatusUnauthorized, kakaoRefusal{"AccessDeniedError", fmt.Sprintf("wrong appKey(%s) format", key)})
		return
	}
	keyword := strings.TrimSpace(r.FormValue("query"))
	number, size := formNumber(r, "page", 1), formNumber(r, "size", 10)
	if keyword == "" || number > 45 || size > 30 {
		writeLookup(w, http.StatusBadRequest, kakaoError{-2, "query, page or size is out of range"})
		return
	}
	outcome := a.decide("kakao", keyword, OfKeyword(keyword))
	if !a.stall(w, r, outcome) {
		return
	}
	var found []houseAddress
	switch outcome {
	case Throttle:
		w.Header().Set("Retry-After", "1")
		writeLookup(w, http.StatusTooManyRequests, kakaoRefusal{"RequestThrottled", "API limit has been exceeded."})
		return
	case Error:
		writeLookup(w, http.StatusInternalServerError, kakaoError{-1, "internal server error"})
		return
	case NotFound:
	default:
		found = a.catalogue().search(keyword)
	}
	pageable := min(len(found), 45*30)
	answer := kakaoAnswer{
		Meta:      kakaoMeta{Total: len(found), Pageable: pageable, End: number*size >= pageable},
		Documents: []kakaoDocument{},
	}
	for _, at := range pageOf(found[:pageable], number, size) {
		answer.Documents = append(answer.Documents, at.kakao())
	}
	writeLookup(w, http.StatusOK, answer)
}

func (a *houseAddress) kakao() kakaoDocument {
	x, y := strconv.FormatFloat(a.longitude, 'f', -1, 64), strconv.FormatFloat(a.latitude, 'f', -1, 64)
	sub := ""
	if a.sublot > 0 {
		sub = fmt.Sprint(a.sublot)
	}
	return kakaoDocument{
		Name: a.road(), Type: "ROAD_ADDR", X: x, Y: y,
		Address: kakaoLot{
			Name: a.jibun(), Province: gangwon, City: a.place.name, Town: a.area(), HTown: a.town,
			HCode: a.legalCode(), BCode: a.legalCode(), Mountain: "N", Main: fmt.Sprint(a.lot), Sub: sub, X: x, Y: y,
		},
		Road: kakaoRoad{
			Name: a.road(), Province: gangwon, City: a.place.name, Town: a.town, Street: a.street, Under: "N",
			Main: fmt.Sprint(a.main), Building: a.building, Zone: fmt.Sprintf("%05d", a.zip), X: x, Y: y,
		},
	}
}
