package telemetry

import "strings"

// class says what a named value is, whatever it holds.
type class int

const (
	public  class = iota // scanned like free text
	secret               // removed
	address              // an e-mail address or phone number, masked
	person               // a person's name, masked
	content              // what a message says: only its length stays
	wrapped              // an object whose every text is content
)

// classes gives the class of a field, parameter or header by its normalised
// name. Vendors' own names stand beside ours.
func classes() map[string]class {
	names := map[string]class{}
	add := func(c class, list string) {
		for name := range strings.FieldsSeq(list) {
			names[name] = c
		}
	}
	add(secret, `password passwd pwd pass passphrase secret token key apikey appkey appsecret secretkey apisecret accesskey
		servicekey confmkey clientsecret accesstoken refreshtoken idtoken bearer signature sig authorization proxyauthorization
		cookie setcookie credential credentials privatekey otp pin sealed xncpiamaccesskey xapikey whsec`)
	add(address, `to from cc bcc recipient recipients recipientno internationalrecipientno email emails emailaddress emladr mail phone
		phonenumber mobile tel telno fax faxtelno sendno sender source destination destinations replyto returnpath finalrecipient
		originalrecipient rcpt mailfrom rcptto envelope`)
	add(person, `name representative representatives ceonm pnm pnm2 korreprnm representivename fullname firstname lastname enteredby
		customername recipientname contactname`)
	add(content, `text html body content message msg note lmsbody smsbody`)
	add(wrapped, `variables templateparameter templateparams substitutions dynamictemplatedata`)
	return names
}

// class finds a name without allocating. Endings count too: whatever ends in
// password, secret, token, signature or the like is a secret.
func (r *Redactor) class(name string) class {
	var buffer [64]byte
	normal := buffer[:0]
	for i := 0; i < len(name) && len(normal) < len(buffer); i++ {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z':
			normal = append(normal, c+'a'-'A')
		case isAlnum(c) || c >= 0x80:
			normal = append(normal, c)
		}
	}
	if c, ok := r.names[string(normal)]; ok {
		return c
	}
	if len(normal) > 0 {
		for _, ending := range endings(normal[len(normal)-1]) {
			if len(normal) > len(ending) && string(normal[len(normal)-len(ending):]) == ending {
				return secret
			}
		}
	}
	return public
}

// endings lists those of a secret's name by their last letter.
func endings(last byte) []string {
	switch last {
	case 'd':
		return []string{"password", "passwd"}
	case 'e':
		return []string{"signature", "cookie"}
	case 'l':
		return []string{"credential"}
	case 'n':
		return []string{"token", "authorization"}
	case 's':
		return []string{"credentials"}
	case 't':
		return []string{"secret"}
	case 'y':
		return []string{"secretkey", "apikey", "appkey", "privatekey"}
	default:
		return nil
	}
}
