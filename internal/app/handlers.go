package app

import (
	"github.com/gangwon-portal/gangway/handlers"
	"github.com/gangwon-portal/gangway/internal/broker"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/pipeline"
	"github.com/gangwon-portal/gangway/internal/postgres"
	"github.com/gangwon-portal/gangway/providers"
)

// Handlers lists the handler of every kind that works.
func Handlers(routes *Routes, messages handlers.Messages, operator *postgres.Operator, conn *broker.Conn) map[command.Kind]pipeline.Handler {
	return map[command.Kind]pipeline.Handler{
		command.DeliveryCancel: handlers.NewCancel(canceller{operator, conn}),
		command.EmailSend:      handlers.NewEmail(func() *providers.Route[providers.Email] { return routes.Email }, messages),
		command.SMSSend:        handlers.NewSMS(func() *providers.Route[providers.SMS] { return routes.SMS }, messages),
	}
}
