package simulator

import (
	"slices"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// AuthMechanisms implements [smtp.AuthSession].
func (s *mailSession) AuthMechanisms() []string { return s.replies.mechanisms }

// Auth implements [smtp.AuthSession].
func (s *mailSession) Auth(mechanism string) (sasl.Server, error) {
	if !slices.Contains(s.replies.mechanisms, mechanism) {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	switch mechanism {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, password string) error { return s.login(user, password) }), nil
	case "LOGIN":
		return &loginExchange{login: s.login}, nil
	default:
		return &bearerExchange{session: s}, nil
	}
}

// login checks a password.
func (s *mailSession) login(user, password string) error {
	wantUser, want := Credentials(s.server.provider)
	if user != wantUser || password != want {
		return s.replies.badLogin
	}
	s.user = user
	return nil
}

// loginExchange is AUTH LOGIN: two questions.
type loginExchange struct {
	login func(user, password string) error
	user  string
	step  int
}

func (l *loginExchange) Next(response []byte) (challenge []byte, done bool, err error) {
	if l.step == 0 && response == nil {
		return []byte("Username:"), false, nil
	}
	l.step++
	if l.step == 1 {
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.login(l.user, string(response))
}

// bearerExchange is AUTH XOAUTH2. A refusal is first explained in JSON, to
// which the client answers with an empty line, and then said.
type bearerExchange struct {
	session *mailSession
	refused bool
}

func (b *bearerExchange) Next(response []byte) (challenge []byte, done bool, err error) {
	if b.refused {
		return nil, false, b.session.replies.badLogin
	}
	if response == nil {
		return nil, false, nil
	}
	user, _ := Credentials(b.session.server.provider)
	want := "user=" + user + "\x01auth=Bearer " + BearerToken(b.session.server.provider) + "\x01\x01"
	if string(response) == want {
		b.session.user = user
		return nil, true, nil
	}
	b.refused = true
	return []byte(`{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}`), false, nil
}
