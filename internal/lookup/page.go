package lookup

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

//go:embed page/postcode.html
var pageHTML string

//go:embed page/postcode.css
var pageCSS string

//go:embed page/postcode.js
var pageJS string

// page is the postcode page: one document, with nothing to load but the widget.
type page struct {
	options  Options
	template *template.Template
	frames   []string // origins that the widget may frame
}

// widgetFrames are where the real widget shows itself; the page of the vendor's
// script names them.
var widgetFrames = []string{"https://postcode.map.kakao.com", "https://postcode.map.daum.net"}

func newPage(options Options) (*page, error) {
	p := &page{options: options}
	for _, script := range options.Scripts {
		u, err := url.Parse(script)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("lookup: postcode page: %q is no address of a script", script)
		}
		if origin := u.Scheme + "://" + u.Host; !slices.Contains(p.frames, origin) {
			p.frames = append(p.frames, origin)
		}
	}
	p.frames = append(p.frames, widgetFrames...)
	var err error
	p.template, err = template.New("postcode").Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("lookup: postcode page: %w", err)
	}
	return p, nil
}

// settings are what the page's script is told.
type settings struct {
	Scripts []string          `json:"scripts"`
	Origins []string          `json:"origins"`
	Lang    string            `json:"lang"`
	Texts   map[string]string `json:"texts"`
}

// serve answers GET /postcode. ?lang= goes before Accept-Language; the page's
// script reads the rest of the query.
func (p *page) serve(w http.ResponseWriter, r *http.Request) {
	tag := r.URL.Query().Get("lang")
	if tag != korean && tag != english {
		tag = tongue(r.Header.Get("Accept-Language"))
	}
	texts := map[string]string{}
	for name, text := range pageTexts {
		texts[name] = text.in(tag)
	}
	told, err := json.Marshal(settings{
		Scripts: append([]string{}, p.options.Scripts...), Origins: append([]string{}, p.options.Origins...), Lang: tag, Texts: texts,
	}, json.Deterministic(true), jsontext.EscapeForHTML(true))
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	nonce := rand.Text()
	var out bytes.Buffer
	err = p.template.Execute(&out, map[string]any{
		"Lang": tag, "Other": map[string]string{korean: english, english: korean}[tag], "T": texts, "Nonce": nonce,
		"CSS": template.CSS(pageCSS), "JS": template.JS(pageJS), "Settings": template.JS(told), //nolint:gosec // our own files, and JSON without "<"
	})
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	p.headers(w.Header(), nonce, tag)
	_, _ = w.Write(out.Bytes()) // the client may be gone
}

// headers allow what the page needs and nothing else: its own style and script,
// by a nonce that no one can guess, the scripts that these load, the widget's
// frame, and our own interface. Only allowed origins may frame it, and it stays
// in touch with whoever opened it.
func (p *page) headers(header http.Header, nonce, tag string) {
	ancestors := "'none'"
	header.Del("X-Frame-Options")
	if len(p.options.Origins) > 0 {
		ancestors = strings.Join(p.options.Origins, " ")
	} else {
		header.Set("X-Frame-Options", "DENY")
	}
	header.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'",
		"script-src 'nonce-" + nonce + "' 'strict-dynamic'",
		"style-src 'nonce-" + nonce + "'",
		"img-src 'self' data:",
		"connect-src 'self'",
		"frame-src " + strings.Join(p.frames, " "),
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors " + ancestors,
	}, "; "))
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", tag)
	header.Add("Vary", "Accept-Language")
	header.Set("Cache-Control", "no-store") // every document has its own nonce
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	header.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	header.Del("Cross-Origin-Opener-Policy") // the page answers the window that opened it
}
