package app

import "net/url"

func (d *counterDesk) everyState() {
	d.want(200, "GET", "/health/ses", "", nil)
	d.want(404, "GET", "/health/nobody", "", nil)
	d.want(200, "POST", "/health/ses", "", nil)
	d.want(404, "POST", "/health/nobody", "", nil)
	d.want(200, "GET", "/metrics", "", nil)
	token := d.token
	d.token = "" // the rest is open to whoever asks
	for _, path := range []string{"/livez", "/readyz", "/health"} {
		d.want(200, "GET", path, "", nil)
	}
	d.want(401, "POST", "/health/ses", "", nil)
	d.want(401, "GET", "/metrics", "", nil)
	d.token = token
}

func (d *counterDesk) everyBusiness() {
	d.want(200, "GET", "/api/v1/businesses/124-81-00998", "", nil)
	d.want(200, "GET", "/api/v1/businesses/1248100998/representatives?opened_on=1969-01-13&name="+url.QueryEscape("홍길동"), "", nil)
	d.want(202, "GET", "/api/v1/businesses/101-81-90004", "", nil)
	d.want(422, "GET", "/api/v1/businesses/12", "", nil)
}
