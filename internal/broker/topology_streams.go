package broker

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gangwon-portal/gangway/internal/command"
)

const (
	// smallestDuplicates is the least window the server accepts. The row tells
	// duplicates apart; a longer window would silently swallow a command that is
	// rightly published again.
	smallestDuplicates = 100 * time.Millisecond
	// settleDuplicates covers a publication repeated after a time-out. The server
	// keeps every id of the window in memory, about 130 bytes each.
	settleDuplicates = 10 * time.Second
	// unlimited is how the server spells "no bound".
	unlimited = -1
)

// streams lists every stream with the limits it must and must not have.
func streams(o TopologyOptions) []jetstream.StreamConfig {
	configs := []jetstream.StreamConfig{
		{
			Name:        StreamCommands,
			Description: "Commands waiting to be executed; full means that publishers are refused",
			Subjects:    commandSubjects(),
			Retention:   jetstream.WorkQueuePolicy,
			Discard:     jetstream.DiscardNew,
			Duplicates:  smallestDuplicates,
			MaxBytes:    orUnlimited(o.CommandsMaxBytes),
			// No bound for one message: a body above the limit must arrive to be
			// recorded as rejected.
			MaxMsgSize: unlimited,
		}, {
			Name:        StreamScheduled,
			Description: "Commands that wait for their time, and those whose time has come",
			Subjects:    []string{"scheduled.>"},
			Retention:   jetstream.WorkQueuePolicy,
			// No bound and no age: DiscardNew is not allowed with schedules, and
			// anything else would drop waiting commands.
			Discard:           jetstream.DiscardOld,
			Duplicates:        smallestDuplicates,
			AllowMsgSchedules: true,
			AllowMsgTTL:       true,
			MaxBytes:          unlimited,
			MaxMsgSize:        unlimited,
		}, {
			Name:        StreamDeadLetters,
			Description: "Commands that ended without success, whole",
			Subjects:    []string{subjectDeadLetter + ">"},
			Retention:   jetstream.LimitsPolicy,
			Discard:     jetstream.DiscardOld,
			Duplicates:  settleDuplicates,
			MaxAge:      o.DeadLettersMaxAge,
			MaxBytes:    unlimited,
			MaxMsgSize:  unlimited,
		}, {
			Name:        StreamEvents,
			Description: "CloudEvents of committed statuses, provider health and alerts",
			Subjects:    []string{subjectEvent + ">"},
			Retention:   jetstream.LimitsPolicy,
			Discard:     jetstream.DiscardOld,
			Duplicates:  settleDuplicates,
			MaxAge:      o.EventsMaxAge,
			MaxBytes:    orUnlimited(o.EventsMaxBytes),
			MaxMsgSize:  unlimited,
		}, {
			Name:        StreamAdvisories,
			Description: "What the server says about messages it gave up on",
			Subjects:    advisorySubjects(),
			Retention:   jetstream.LimitsPolicy,
			Discard:     jetstream.DiscardOld,
			Duplicates:  smallestDuplicates,
			MaxAge:      advisoriesMaxAge,
			MaxBytes:    unlimited,
			MaxMsgSize:  unlimited,
		},
	}
	for i := range configs {
		configs[i].Storage = jetstream.FileStorage
		configs[i].Replicas = o.Replicas
		configs[i].AllowDirect = true
		configs[i].MaxMsgs, configs[i].MaxMsgsPerSubject, configs[i].MaxConsumers = unlimited, unlimited, unlimited
		configs[i].Metadata = o.metadata()
	}
	return configs
}

// commandSubjects lists every subject exactly: a wildcard would store commands
// that no consumer takes.
func commandSubjects() []string {
	var subjects []string
	for _, kind := range command.Kinds() {
		for _, lane := range lanesOf(kind) {
			subjects = append(subjects, kind.Subject(lane))
		}
	}
	return subjects
}

// advisorySubjects covers the two streams that have consumers of ours. A
// wildcard matches whole tokens only, so each is named.
func advisorySubjects() []string {
	const prefix = "$JS.EVENT.ADVISORY.CONSUMER."
	var subjects []string
	for _, stream := range []string{StreamCommands, StreamScheduled} {
		subjects = append(subjects, prefix+"MAX_DELIVERIES."+stream+".*", prefix+"MSG_TERMINATED."+stream+".*")
	}
	return subjects
}

func orUnlimited(n int64) int64 {
	if n <= 0 {
		return unlimited
	}
	return n
}
