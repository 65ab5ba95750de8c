package handlers

import (
	"cmp"
	"html"
	netmail "net/mail"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers/smstext"
)

// words is what an e-mail says.
type words struct {
	subject, text, html string
	unsubscribe         string // where readers of advertising opt out
}

// unsubscribeVariable is the variable of a template that names the page where its
// reader opts out.
const unsubscribeVariable = "unsubscribe_url"

// words renders the template, or takes the command's own words.
func (h *Email) words(cmd *command.Command, body *command.Email, marketing bool) (words, error) {
	w := words{subject: body.Subject, text: body.Text, html: body.HTML}
	if body.Template != "" {
		rendered, err := h.templates().Email(body.Template, body.Locale, body.Variables)
		if err != nil {
			return words{}, err
		}
		w = words{subject: rendered.Subject, text: rendered.Text, html: rendered.HTML}
	}
	if err := h.guarded(cmd, body.Variables, w.subject); err != nil {
		return words{}, err
	}
	if !marketing {
		return w, nil
	}
	rules := h.rules()
	w.unsubscribe = strings.ReplaceAll(rules.UnsubscribeURL, "{id}", url.QueryEscape(cmd.ID.String()))
	if own, ok := body.Variables[unsubscribeVariable]; ok {
		// A template that takes it has checked it by now.
		_ = json.Unmarshal(own, &w.unsubscribe)
	}
	if !rules.Mark {
		return w, nil
	}
	return w.advertise(rules, body.Template == "")
}

// advertise gives an e-mail what Annex 6 of the Enforcement Decree of the Act on
// Promotion of Information and Communications Network Utilization and Information
// Protection demands of advertising: the mark in front of the subject, who sends
// it, and in Korean and English how to opt out. What a template has already is
// not repeated.
func (w words) advertise(rules Rules, ownWords bool) (words, error) {
	if w.unsubscribe == "" {
		return words{}, fault.New(fault.Internal, "email: marketing",
			"advertising needs a page to opt out; set email.unsubscribe_url, or give the variable %s", unsubscribeVariable)
	}
	if !strings.HasPrefix(w.subject, smstext.AdMark) {
		w.subject = smstext.AdMark + " " + w.subject
	}
	imprint := ""
	if ownWords {
		if imprint = rules.Imprint; imprint == "" {
			imprint = rules.Advertiser.Sender
		}
		if strings.TrimSpace(imprint) == "" {
			return words{}, fault.New(fault.Internal, "email: marketing", "advertising needs its sender's name and contact; set marketing.imprint")
		}
	}
	w.text = w.textEnd(imprint)
	w.html = w.htmlEnd(imprint)
	return w, nil
}

func (w words) textEnd(imprint string) string {
	if w.text == "" {
		return ""
	}
	text := strings.TrimRight(w.text, "\r\n ")
	if imprint != "" && !strings.Contains(text, imprint) {
		text += "\n\n" + imprint
	}
	if !strings.Contains(text, w.unsubscribe) {
		text += "\n\n무료 수신거부: " + w.unsubscribe + "\nUnsubscribe, free of charge: " + w.unsubscribe
	}
	return text + "\n"
}

func (w words) htmlEnd(imprint string) string {
	if w.html == "" {
		return ""
	}
	var end strings.Builder
	if imprint != "" && !strings.Contains(w.html, html.EscapeString(imprint)) {
		end.WriteString("<p>" + html.EscapeString(imprint) + "</p>")
	}
	link := html.EscapeString(w.unsubscribe)
	if !strings.Contains(w.html, link) && !strings.Contains(w.html, w.unsubscribe) {
		end.WriteString(`<p><a href="` + link + `">무료 수신거부</a> · <a href="` + link + `">Unsubscribe, free of charge</a></p>`)
	}
	if end.Len() == 0 {
		return w.html
	}
	at := max(strings.LastIndex(w.html, "</body>"), strings.LastIndex(w.html, "</BODY>"))
	if at < 0 {
		at = len(w.html)
	}
	return w.html[:at] + end.String() + w.html[at:]
}

// messageID is made of the command's id, so that all attempts and replays carry
// the same one and receivers can fold doubles.
func (h *Email) messageID(id uuid.UUID, from string) string {
	domain := cmp.Or(h.rules().Domain, "gangway.gangwon.kr")
	// A display name, too, may have an @ in it.
	if sender, err := netmail.ParseAddress(from); err == nil {
		domain = sender.Address[strings.LastIndexByte(sender.Address, '@')+1:]
	}
	return id.String() + "@" + domain
}
