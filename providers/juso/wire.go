package juso

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/gangwon-portal/gangway/providers"
)

// envelope is every answer. Juso is null when there is an error.
type envelope struct {
	Results *struct {
		Common struct {
			ErrorCode providers.VendorText `json:"errorCode"`
			Total     providers.VendorText `json:"totalCount"`
			Page      providers.VendorText `json:"currentPage"`
		} `json:"common"`
		Juso []address `json:"juso"`
	} `json:"results"`
}

// address is one row; all members are text.
type address struct {
	Road      providers.VendorText `json:"roadAddrPart1"` // without the reference in parentheses
	RoadWhole providers.VendorText `json:"roadAddr"`
	Jibun     providers.VendorText `json:"jibunAddr"`
	English   providers.VendorText `json:"engAddr"`
	Zip       providers.VendorText `json:"zipNo"`
	Legal     providers.VendorText `json:"admCd"`
	RoadCode  providers.VendorText `json:"rnMgtSn"`
	Building  providers.VendorText `json:"bdMgtSn"`
	Name      providers.VendorText `json:"bdNm"`
	Parts     providers.VendorText `json:"detBdNmList"` // 101동,102동
	Shared    providers.VendorText `json:"bdKdcd"`      // 1 for a building of many homes
	Province  providers.VendorText `json:"siNm"`
	City      providers.VendorText `json:"sggNm"`
	Town      providers.VendorText `json:"emdNm"`
	Village   providers.VendorText `json:"liNm"`
	RoadName  providers.VendorText `json:"rn"`
}

// read judges an answer and turns it into the shared form.
func (p *Provider) read(answer providers.HTTPAnswer, asked providers.Address) (providers.AddressResult, error) {
	if answer.Status != http.StatusOK {
		return providers.AddressResult{}, providers.StatusFault(opSearch, answer)
	}
	var got envelope
	err := providers.DecodeAnswer(answer.Body, &got)
	if err == nil && (got.Results == nil || got.Results.Common.ErrorCode == "") {
		err = errors.New("no results.common.errorCode")
	}
	if err != nil {
		return providers.AddressResult{}, p.client.Unreadable(opSearch, err)
	}
	if code := got.Results.Common.ErrorCode; code != "0" {
		return providers.AddressResult{}, coded(string(code))
	}
	result := providers.AddressResult{Page: asked.Page, Source: Source, Items: make([]providers.AddressItem, 0, len(got.Results.Juso))}
	for i := range got.Results.Juso {
		result.Items = append(result.Items, got.Results.Juso[i].item(asked.English))
	}
	total, err := strconv.ParseInt(string(got.Results.Common.Total), 10, 32)
	if err != nil || total < 0 {
		return providers.AddressResult{}, p.client.Unreadable(opSearch, errors.New("totalCount is not a number"))
	}
	result.Total = int(total)
	return result, nil
}

func (a *address) item(english bool) providers.AddressItem {
	item := providers.AddressItem{
		PostalCode: string(a.Zip), RoadAddress: string(a.Road), JibunAddress: string(a.Jibun),
		BuildingName: string(a.Name), DetailHint: a.hint(), BuildingCode: string(a.Building),
		Region: providers.Region{
			Province: string(a.Province), City: string(a.City), Town: string(a.Town), Village: string(a.Village),
			Road: string(a.RoadName), LegalCode: string(a.Legal), RoadCode: string(a.RoadCode),
		},
	}
	if item.RoadAddress == "" {
		item.RoadAddress = string(a.RoadWhole)
	}
	if english {
		item.EnglishAddress = string(a.English)
	}
	return item
}

// hint is what a person still has to add. A building of many homes without
// named parts needs a unit all the same.
func (a *address) hint() string {
	var parts []string
	for part := range strings.SplitSeq(string(a.Parts), ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case a.Shared == "1":
		return "동·호수"
	}
	return ""
}
