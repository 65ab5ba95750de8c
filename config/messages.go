package config

// EmailRules are the settings of e-mail that no provider decides.
type EmailRules struct {
	// UnsubscribeURL is where readers of advertising opt out; {id} stands for the
	// command's id.
	UnsubscribeURL string `mapstructure:"unsubscribe_url"`
}

// SMSRules are the settings of SMS that no provider decides.
type SMSRules struct {
	// VirtualNumbers admits 0303 safe numbers and 050x personal numbers.
	VirtualNumbers bool `mapstructure:"virtual_numbers"`
}

// Marketing is what messages of category marketing have to say, and when they may
// be sent: Articles 50 of the Act on Promotion of Information and Communications
// Network Utilization and Information Protection (정보통신망법 제50조) and 61 of
// its Enforcement Decree, with Annex 6.
type Marketing struct {
	Mark    bool   `mapstructure:"mark"`    // add what is missing
	Sender  string `mapstructure:"sender"`  // name and telephone, in front of an SMS
	OptOut  string `mapstructure:"opt_out"` // free number at the end of an SMS
	Imprint string `mapstructure:"imprint"` // at the end of an e-mail
	Quiet   Quiet  `mapstructure:"quiet"`
}

// Quiet says which advertising waits from 21:00 until 08:00 in Korea.
type Quiet struct {
	SMS   bool `mapstructure:"sms"`
	Email bool `mapstructure:"email"`
}

func messageKeys() []Key {
	return []Key{
		{Path: "email.unsubscribe_url", Type: URL, Doc: "Page where readers of advertising opt out, for the List-Unsubscribe header and the end of the mail; {id} stands for the command's id. A template's variable unsubscribe_url goes before it. With https it must also take the POST of one-click opt-out (RFC 8058)."},
		{Path: "sms.virtual_numbers", Type: Switch, Default: "false", Doc: "Sends to 0303 safe numbers and 050x personal numbers, which forward; whether a message arrives depends on the carrier behind them."},
		{Path: "marketing.mark", Type: Switch, Default: "true", Doc: "Adds to messages of category marketing what Article 50 of the Network Act (정보통신망법 제50조) with Annex 6 of its Enforcement Decree demands: the mark (광고), who sends it, and a free way to opt out. Off, the producer has to do it."},
		{Path: "marketing.sender", Type: Text, Doc: "Sender's name and telephone number in front of advertising SMS, such as 강원비즈니스포털 033-249-2114."},
		{Path: "marketing.opt_out", Type: Text, Doc: "Free telephone number (080) that takes opt-outs, registered with the SMS gateway; at the end of advertising SMS."},
		{Path: "marketing.imprint", Type: Text, Doc: "Sender's name, e-mail address, telephone number and postal address at the end of advertising e-mail without a template. Empty takes marketing.sender."},
		{Path: "marketing.quiet.sms", Type: Switch, Default: "true", Doc: "Advertising SMS waits from 21:00 until 08:00 in Korea, as Article 50(3) of the Network Act demands without a separate consent for the night."},
		{Path: "marketing.quiet.email", Type: Switch, Default: "false", Doc: "The same for advertising e-mail, which Article 61(2) of the Enforcement Decree exempts."},
	}
}

// mockMessages stand in mock mode where nothing is set, so that advertising can be
// tried out. Nothing leaves the machine.
func mockMessages() map[string]string {
	return map[string]string{
		"email.unsubscribe_url": "https://portal.gangwon.example/unsubscribe?id={id}",
		"marketing.sender":      "강원비즈니스포털 033-249-2114",
		"marketing.opt_out":     "080-123-4567",
		"marketing.imprint":     "강원비즈니스포털 · portal@gangwon.example · 033-249-2114 · 강원특별자치도 춘천시 중앙로 1",
	}
}
