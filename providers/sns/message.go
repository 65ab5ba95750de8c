package sns

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

// MaxBytes is the limit of one Publish, over all parts of the message. The API
// reference says characters, the developer guide bytes; the smaller reading holds.
const MaxBytes = 1600

var (
	e164       = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	senderName = regexp.MustCompile(`^[A-Za-z0-9-]{3,11}$`)
	letter     = regexp.MustCompile(`[A-Za-z]`)
)

// message builds the input of a Publish. SNS splits long texts and carries any
// character, so that nothing is replaced; it has no subject for SMS.
func (d *Driver) message(sms providers.SMS) (*sns.PublishInput, error) {
	switch {
	case !e164.MatchString(sms.To):
		return nil, invalid("to", "is no number in E.164")
	case strings.TrimSpace(sms.Text) == "":
		return nil, invalid("text", "is empty")
	case len(sms.Text) > MaxBytes:
		return nil, invalid("text", "is %d bytes long; SNS takes %d at most", len(sms.Text), MaxBytes)
	}
	// The API's default is Promotional, which carriers and opt-outs treat worse.
	attributes := map[string]types.MessageAttributeValue{"AWS.SNS.SMS.SMSType": text("Transactional")}
	if sms.Marketing {
		attributes["AWS.SNS.SMS.SMSType"] = text("Promotional")
	}
	switch from := d.sender(sms.From); {
	case e164.MatchString(from):
		attributes["AWS.MM.SMS.OriginationNumber"] = text(from)
	case from != "":
		attributes["AWS.SNS.SMS.SenderID"] = text(from)
	}
	if d.options.MaxPrice != "" {
		attributes["AWS.SNS.SMS.MaxPrice"] = types.MessageAttributeValue{
			DataType: aws.String("Number"), StringValue: aws.String(d.options.MaxPrice),
		}
	}
	return &sns.PublishInput{
		PhoneNumber: aws.String(sms.To), Message: aws.String(sms.Text), MessageAttributes: attributes,
	}, nil
}

// sender returns who sends: the command's sender where it is a name, else the
// provider's. A number in a command is one that is registered with a Korean
// gateway and means nothing to SNS, which would refuse the message for it.
func (d *Driver) sender(asked string) string {
	for _, from := range []string{asked, d.options.From} {
		if senderName.MatchString(from) && letter.MatchString(from) {
			return from
		}
	}
	if e164.MatchString(d.options.From) {
		return d.options.From
	}
	return ""
}

func text(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
}

func invalid(field, format string, args ...any) error {
	e := fault.InvalidField(field, format, args...)
	e.Op = "publish"
	return e
}
