package simulator

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
)

// parseMail reads what the inbox shows of a message. A message that cannot be
// read is kept with its raw text: the inbox is for looking at mistakes too.
func parseMail(raw []byte) Received {
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Received{Text: string(raw)}
	}
	r := Received{Header: map[string]string{}}
	decoder := new(mime.WordDecoder)
	for name, values := range message.Header {
		text := strings.Join(values, ", ")
		if decoded, err := decoder.DecodeHeader(text); err == nil {
			text = decoded
		}
		r.Header[name] = text
	}
	r.Subject = r.Header["Subject"]
	if from, err := mail.ParseAddress(message.Header.Get("From")); err == nil {
		r.From = from.Address
	}
	r.CommandID = commandID(message.Header)
	readPart(&r, textproto.MIMEHeader(message.Header), message.Body)
	return r
}

// commandID is our id as the vendor would find it.
func commandID(header mail.Header) string {
	var smtpapi struct {
		Unique map[string]string `json:"unique_args"`
	}
	if text := header.Get("X-SMTPAPI"); text != "" {
		if err := json.Unmarshal([]byte(text), &smtpapi); err == nil && smtpapi.Unique["gangway_id"] != "" {
			return smtpapi.Unique["gangway_id"]
		}
	}
	for tag := range strings.SplitSeq(header.Get("X-SES-MESSAGE-TAGS"), ",") {
		if name, value, _ := strings.Cut(strings.TrimSpace(tag), "="); name == "gangway_id" {
			return strings.TrimSpace(value)
		}
	}
	local, _, _ := strings.Cut(strings.Trim(header.Get("Message-Id"), "<> "), "@")
	if len(local) >= 36 {
		if id, err := uuid.Parse(local[:36]); err == nil {
			return id.String()
		}
	}
	return ""
}

// readPart walks the parts and keeps the first text and the first HTML that are
// not attachments. Attachments are named in the pseudo header "Attachments".
func readPart(r *Received, header textproto.MIMEHeader, body io.Reader) {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				return
			}
			readPart(r, part.Header, part)
		}
	}
	if disposition, named, err := mime.ParseMediaType(header.Get("Content-Disposition")); err == nil && disposition == "attachment" {
		r.Header["Attachments"] = strings.TrimPrefix(r.Header["Attachments"]+", "+named["filename"], ", ")
		return
	}
	switch strings.ToLower(header.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, _ := io.ReadAll(body)
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	switch {
	case kind == "text/html" && r.HTML == "":
		r.HTML = text
	case kind == "text/plain" && r.Text == "":
		r.Text = text
	}
}
