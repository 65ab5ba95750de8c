package handlers

import (
	"context"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/delivery"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// ManualEntries keeps what people entered while no provider could answer.
type ManualEntries interface {
	// CompleteManually ends the verification that entry names, with the result that
	// is made of its row, and writes down who did it. It is a refused fault when
	// the verification does not wait for a person, and may be repeated.
	CompleteManually(ctx context.Context, entry delivery.ManualEntry, result func(delivery.Row) (jsontext.Value, error)) (delivery.Row, error)
	// OpenEntries returns what was entered about a number and not contradicted yet.
	OpenEntries(ctx context.Context, number string) ([]delivery.ManualEntry, error)
	// Contradict makes it known, once, that an entry is contradicted.
	Contradict(ctx context.Context, contradiction delivery.Contradiction) error
}

// Complete executes business.complete: manual entry.
type Complete struct{ manual ManualEntries }

// NewComplete returns the handler of business.complete.
func NewComplete(manual ManualEntries) Complete { return Complete{manual} }

// Plan implements the pipeline's handler: a manual entry calls no provider.
func (Complete) Plan(context.Context, *command.Command) delivery.Plan { return delivery.Plan{} }

// Handle finishes the verification.
func (h Complete) Handle(ctx context.Context, cmd *command.Command, _ delivery.Run) delivery.Result {
	body := cmd.Payload.(*command.Complete)
	company, err := enteredCompany(body.Company)
	if err != nil {
		return delivery.Result{Err: err}
	}
	entry := delivery.ManualEntry{
		DeliveryID: command.ParseID(body.DeliveryID), CommandID: cmd.ID,
		EnteredBy: providers.CleanText(body.EnteredBy), Note: providers.CleanText(body.Note),
	}
	row, err := h.manual.CompleteManually(ctx, entry, func(row delivery.Row) (jsontext.Value, error) {
		return enteredResult(row, company)
	})
	if err != nil {
		return delivery.Result{Err: err}
	}
	return completed(struct {
		DeliveryID uuid.UUID       `json:"delivery_id"`
		Status     delivery.Status `json:"status"`
	}{entry.DeliveryID, row.Status}, "", nil)
}

// Recover completes again: that changes nothing.
func (h Complete) Recover(ctx context.Context, cmd *command.Command, run delivery.Run) delivery.Result {
	return h.Handle(ctx, cmd, run)
}

// enteredCompany checks what a person typed.
func enteredCompany(company command.Company) (command.Company, error) {
	for _, field := range []struct {
		name string
		text *string
		most int
	}{
		{"name", &company.Name, 200}, {"representative", &company.Representative, 200}, {"type", &company.Type, 100},
		{"tax_type", &company.TaxType, 100}, {"industry", &company.Industry, 200}, {"address", &company.Address, 400},
		{"postal_code", &company.PostalCode, 10}, {"phone", &company.Phone, 32},
	} {
		if *field.text = providers.CleanText(*field.text); len(*field.text) > field.most {
			return company, fault.InvalidField("company."+field.name, "has %d bytes; at most %d are allowed", len(*field.text), field.most)
		}
	}
	for _, field := range []struct{ name, date string }{{"opened_on", company.OpenedOn}, {"closed_on", company.ClosedOn}} {
		if _, err := time.Parse(time.DateOnly, field.date); field.date != "" && err != nil {
			return company, fault.InvalidField("company."+field.name, "must be a date such as 1969-01-13")
		}
	}
	if company.RegistrationNumber == "" {
		return company, nil
	}
	digits, err := command.RegistrationNumber(company.RegistrationNumber)
	if err != nil {
		return company, fault.InvalidField("company.registration_number", "is not a business registration number such as 124-81-00998")
	}
	company.RegistrationNumber = digits
	return company, nil
}

// enteredResult is the answer to the question of row. Where the question was
// about a representative, the names entered decide.
func enteredResult(row delivery.Row, company command.Company) (jsontext.Value, error) {
	number, err := command.RegistrationNumber(row.Recipient)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "complete: number of the verification", err)
	}
	if company.RegistrationNumber != "" && company.RegistrationNumber != number {
		return nil, fault.InvalidField("company.registration_number", "is not the number that the verification asks about")
	}
	company.RegistrationNumber = number
	result := providers.BusinessResult{
		Outcome: providers.BusinessFound, Company: company, Source: providers.FromManual, AsOf: time.Now().UTC().Truncate(time.Second),
	}
	if company.Status != "" {
		result.Outcome = providers.BusinessOutcome(company.Status)
	}
	question, err := read[openQuestion](row.Result)
	if err != nil {
		return nil, err
	}
	if asked := question.Requested.Representative; asked != "" {
		if company.Representative == "" {
			return nil, fault.InvalidField("company.representative", "is missing: the verification asks who represents the company")
		}
		result.Outcome = providers.JudgeRepresentative(company.Representative, asked)
	}
	result.Warning = question.Warning
	return encoded(result)
}
