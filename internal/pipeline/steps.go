package pipeline

// The steps that [Options].Reached is told of, in the order of the path.
const (
	StepDecoded   = "decoded"
	StepPlanned   = "planned"    // next: the claim
	StepTakenOver = "taken-over" // a dead claim was replaced, or somebody else was faster
	StepClaimed   = "claimed"    // the intent is committed; next: the call
	StepIntended  = "intended"   // the intent of a further call is committed; next: that call
	StepHandled   = "handled"    // every call of this round has ended; next: the record
	StepRecorded  = "recorded"   // the outcome is committed; next: the event
	StepAnnounced = "announced"  // the stream has the event; next: schedule, letter or acknowledgement
	StepScheduled = "scheduled"  // the stream has the schedule; next: the acknowledgement
	StepLettered  = "lettered"   // the stream has the dead letter; next: the acknowledgement
)
