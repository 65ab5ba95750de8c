package app

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gangwon-portal/gangway/internal/api"
	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/internal/lookup"
	"github.com/gangwon-portal/gangway/internal/postgres"
)

// apiBusinesses answers the API's verifications.
type apiBusinesses struct {
	looking  *lookups
	operator *postgres.Operator
}

// Verify implements [api.Businesses].
func (b apiBusinesses) Verify(ctx context.Context, cmd *command.Command) (jsontext.Value, delivery.View, error) {
	body := cmd.Payload.(*command.Business)
	result, failed := b.looking.business.Answer(ctx, body)
	if failed == nil {
		return result, delivery.View{}, nil
	}
	question, err := b.looking.business.Review(body, failed)
	if err != nil {
		return nil, delivery.View{}, err
	}
	if question != nil {
		row, err := b.operator.Review(ctx, cmd, question, fault.As(failed))
		switch {
		case err != nil:
			return nil, delivery.View{}, err
		case row.Status == delivery.Completed: // a person has answered meanwhile
			return row.Result, delivery.View{}, nil
		case row.Status == delivery.ManualReview:
			return nil, row.View, nil
		}
		// Somebody has cancelled it: the failure stands.
	}
	return nil, delivery.View{}, failed
}

// Explain implements [api.Businesses]. What the database or we ourselves got
// wrong is no failure of the question.
func (b apiBusinesses) Explain(err error, acceptLanguage string) error {
	if _, classified := errors.AsType[*fault.Error](err); !classified {
		return err
	}
	return lookup.Explained(command.BusinessVerify, err, acceptLanguage)
}

var _ api.Businesses = apiBusinesses{}
