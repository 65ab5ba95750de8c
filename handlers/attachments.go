package handlers

import (
	"context"
	"strconv"

	"golang.org/x/sync/semaphore"

	"github.com/gangwon-portal/gangway/internal/command"
	"github.com/gangwon-portal/gangway/internal/fault"
	"github.com/gangwon-portal/gangway/providers"
)

const (
	// maxAttachments bounds the files of one message, inline ones and objects
	// together, before they are encoded for the wire.
	maxAttachments = 25 << 20
	// attachmentMemory bounds the objects that one worker holds at once. A pool of
	// messages with the largest attachments would otherwise fill its memory.
	attachmentMemory = 256 << 20
)

// Objects is the object bucket of attachments.
type Objects interface {
	// Size returns how many bytes an object has; a not_found fault when there is none.
	Size(ctx context.Context, name string) (int64, error)
	// Read returns an object of at most that many bytes.
	Read(ctx context.Context, name string, most int64) ([]byte, error)
}

// attachments puts the files of a message into its request.
type attachments struct {
	objects Objects
	memory  *semaphore.Weighted
}

func newAttachments(objects Objects) attachments {
	return attachments{objects: objects, memory: semaphore.NewWeighted(attachmentMemory)}
}

// check finds out whether every object is there and all files together are small
// enough. It returns the bytes of the objects.
func (a attachments) check(ctx context.Context, files []command.Attachment) (int64, error) {
	var all, objects int64
	for i, file := range files {
		all += int64(len(file.Content))
		if file.Object == "" {
			continue
		}
		if a.objects == nil {
			return 0, fault.InvalidField(objectField(i), "cannot be used: this installation has no object bucket")
		}
		size, err := a.objects.Size(ctx, file.Object)
		if err != nil {
			return 0, missing(i, file.Object, err)
		}
		all, objects = all+size, objects+size
	}
	if all > maxAttachments {
		return 0, fault.InvalidField("attachments", "have %d bytes; at most %d are allowed", all, maxAttachments)
	}
	return objects, nil
}

// load reads the objects. The caller calls release when the message is sent.
func (a attachments) load(ctx context.Context, files []command.Attachment, size int64) (loaded []providers.File, release func(), err error) {
	if err := a.memory.Acquire(ctx, size); err != nil {
		return nil, nil, err
	}
	release = func() { a.memory.Release(size) }
	left := size
	for i, file := range files {
		content := file.Content
		if file.Object != "" {
			if content, err = a.objects.Read(ctx, file.Object, left); err != nil {
				release()
				return nil, nil, missing(i, file.Object, err)
			}
			left -= int64(len(content))
		}
		loaded = append(loaded, providers.File{Name: file.Filename, ContentType: file.ContentType, Content: content})
	}
	return loaded, release, nil
}

// missing names the field of an object that is not there.
func missing(i int, name string, err error) error {
	switch failure := fault.As(err); failure.Reason {
	case fault.NotFound:
		return fault.InvalidField(objectField(i), "%q is not in the bucket of attachments; store it before the command", name)
	case fault.Invalid:
		return fault.InvalidField(objectField(i), "%s", failure.Message)
	default:
		return err
	}
}

func objectField(i int) string { return "attachments[" + strconv.Itoa(i) + "].object" }
