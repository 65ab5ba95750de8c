package simulator

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"
)

// postcodeScript stands in for the script of the Kakao postcode widget: the same
// constructor, methods and result, over the simulated catalogue.
//
//go:embed postcode.js
var postcodeScript string

// postcodeFrame is what the widget shows.
//
//go:embed postcode.html
var postcodeFrame string

// picked is what the widget hands to oncomplete. Texts are "" where it has none.
type picked struct {
	Zone             string `json:"zonecode"`
	Address          string `json:"address"`
	AddressEnglish   string `json:"addressEnglish"`
	AddressType      string `json:"addressType"`
	UserSelected     string `json:"userSelectedType"`
	NoSelected       string `json:"noSelected"`
	UserLanguage     string `json:"userLanguageType"`
	Road             string `json:"roadAddress"`
	RoadEnglish      string `json:"roadAddressEnglish"`
	Jibun            string `json:"jibunAddress"`
	JibunEnglish     string `json:"jibunAddressEnglish"`
	AutoRoad         string `json:"autoRoadAddress"`
	AutoRoadEnglish  string `json:"autoRoadAddressEnglish"`
	AutoJibun        string `json:"autoJibunAddress"`
	AutoJibunEnglish string `json:"autoJibunAddressEnglish"`
	BuildingCode     string `json:"buildingCode"`
	BuildingName     string `json:"buildingName"`
	Apartment        string `json:"apartment"`
	Sido             string `json:"sido"`
	SidoEnglish      string `json:"sidoEnglish"`
	Sigungu          string `json:"sigungu"`
	SigunguEnglish   string `json:"sigunguEnglish"`
	SigunguCode      string `json:"sigunguCode"`
	RoadnameCode     string `json:"roadnameCode"`
	Roadname         string `json:"roadname"`
	RoadnameEnglish  string `json:"roadnameEnglish"`
	BCode            string `json:"bcode"`
	BName            string `json:"bname"`
	BName1           string `json:"bname1"`
	BName2           string `json:"bname2"`
	HName            string `json:"hname"`
	Query            string `json:"query"`
}

func (s *Simulator) postcode(all func() catalogue) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/postcode.v2.js", func(w http.ResponseWriter, r *http.Request) {
		if outcome := s.decide("postcode", "", Success); !s.stall(w, r, outcome) || outcome == Error {
			http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = fmt.Fprint(w, postcodeScript)
	})
	mux.HandleFunc("/frame", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, postcodeFrame)
	})
	mux.HandleFunc("/search", func(w http.ResponseWriter, r *http.Request) {
		query := strings.TrimSpace(r.FormValue("q"))
		found := []picked{}
		if query != "" {
			for _, at := range pageOf(all().search(query), 1, 20) {
				found = append(found, at.picked(query))
			}
		}
		writeLookup(w, http.StatusOK, found)
	})
	return mux
}

func (a *houseAddress) picked(query string) picked {
	row := a.juso()
	p := picked{
		Zone: row.Zip, Address: a.road(), AddressEnglish: a.english(), AddressType: "R", UserSelected: "R", NoSelected: "N", UserLanguage: "K",
		Road: a.road(), RoadEnglish: a.english(), Jibun: a.jibun(), BuildingCode: row.Building, BuildingName: a.building, Apartment: "N",
		Sido: gangwon, SidoEnglish: "Gangwon-do", Sigungu: a.place.name, SigunguEnglish: a.place.english, SigunguCode: a.place.sigungu,
		RoadnameCode: row.RoadCode[len(a.place.sigungu):], Roadname: a.street, RoadnameEnglish: a.streetEN,
		BCode: row.Legal, BName: a.town, Query: query,
	}
	if a.village != "" {
		p.BName, p.BName1 = a.village, a.town
	}
	p.BName2 = p.BName
	if len(a.parts) > 0 {
		p.Apartment = "Y"
	}
	if a.sublot == 0 && a.lot%7 == 0 {
		// Several lots share the road address: the widget then leaves the lot open.
		p.AutoJibun, p.Jibun = p.Jibun, ""
	}
	return p
}
