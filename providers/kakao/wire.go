package kakao

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/gangwon-portal/gangway/providers"
)

// envelope is a successful answer.
type envelope struct {
	Meta *struct {
		Total int  `json:"total_count"`
		End   bool `json:"is_end"`
	} `json:"meta"`
	Documents []document `json:"documents"`
}

// document is one hit: a place by its lot, by its road, or by both.
type document struct {
	Name    providers.VendorText `json:"address_name"`
	X       providers.VendorText `json:"x"` // longitude
	Y       providers.VendorText `json:"y"` // latitude
	Address *lotAddress          `json:"address"`
	Road    *roadAddress         `json:"road_address"`
}

type region struct {
	Province providers.VendorText `json:"region_1depth_name"`
	City     providers.VendorText `json:"region_2depth_name"`
	Town     providers.VendorText `json:"region_3depth_name"` // 퇴계동, 동내면 거두리
}

type lotAddress struct {
	region
	Name  providers.VendorText `json:"address_name"`
	Legal providers.VendorText `json:"b_code"`
}

type roadAddress struct {
	region
	Name     providers.VendorText `json:"address_name"`
	RoadName providers.VendorText `json:"road_name"`
	Building providers.VendorText `json:"building_name"`
	Zone     providers.VendorText `json:"zone_no"` // the only postal code the vendor has
}

func (p *Provider) read(answer providers.HTTPAnswer) (envelope, error) {
	if answer.Status != http.StatusOK {
		return envelope{}, refused(answer)
	}
	var got envelope
	err := providers.DecodeAnswer(answer.Body, &got)
	if err == nil && got.Meta == nil {
		if e := refused(answer); e.Code != "HTTP 200" {
			return envelope{}, e
		}
		err = errors.New("no meta")
	}
	if err == nil && got.Meta.Total < 0 {
		err = errors.New("total_count is negative")
	}
	if err != nil {
		return envelope{}, p.client.Unreadable(opSearch, err)
	}
	return got, nil
}

func (d *document) item() providers.AddressItem {
	var item providers.AddressItem
	var at region
	if lot := d.Address; lot != nil {
		at = lot.region
		item.JibunAddress, item.Region.LegalCode = string(lot.Name), string(lot.Legal)
	}
	if road := d.Road; road != nil {
		if d.Address == nil {
			at = road.region
		}
		item.RoadAddress, item.PostalCode = string(road.Name), string(road.Zone)
		item.BuildingName, item.Region.Road = string(road.Building), string(road.RoadName)
	}
	if d.Address == nil && d.Road == nil {
		item.JibunAddress = string(d.Name)
	}
	item.Region.Province, item.Region.City = string(at.Province), string(at.City)
	item.Region.Town, item.Region.Village, _ = strings.Cut(string(at.Town), " ")
	item.Latitude, item.Longitude = coordinates(string(d.Y), string(d.X))
	return item
}

// coordinates reads a point; one that is not in Korea is a mistake of the
// vendor and left out, for the address is right without it.
func coordinates(latitude, longitude string) (float64, float64) {
	y, errY := strconv.ParseFloat(latitude, 64)
	x, errX := strconv.ParseFloat(longitude, 64)
	if errY != nil || errX != nil || !(y > 32 && y < 40 && x > 123 && x < 133) {
		return 0, 0
	}
	return y, x
}
