package main

import (
	"bytes"
	"strconv"
	"strings"
)

type held struct {
	position position
	hash     [32]byte
	value    []byte
}

// What is held of one partition of one state topic: the README of crates/consumer says why it is done so.
type table struct {
	partition int32
	// The first letter of the keys of this topic.
	kind byte
	held map[string]held
	sum  digest
	// The offset after the last record read.
	next int64
	// Is the end reached that the partition had when reading began?
	atEnd bool
	// The progress record that has come furthest, and what came of comparing its digest.
	progress *progress
	check    string
	// The greatest position of any state taken.
	newest *position
	// Was a state taken out since the last progress record?
	removed bool
}

func newTable(partition int32, kind byte) *table {
	return &table{partition: partition, kind: kind, held: map[string]held{}}
}

// Takes the next record; says what it means in the words of tests/vectors/reading.json.
func (t *table) take(offset int64, key, value []byte) string {
	if offset >= t.next {
		t.next = offset + 1
	}
	switch {
	case string(key) == "p/"+strconv.Itoa(int(t.partition)):
		return t.takeProgress(value)
	case len(key) < 3 || key[0] != t.kind || key[1] != '/':
		return "skipped"
	case value == nil:
		return t.takeTombstone(string(key))
	default:
		return t.takeState(string(key), value)
	}
}

func (t *table) takeState(key string, value []byte) string {
	record, err := decodeRecord(value)
	if err != nil || record.state == nil || record.state.id != key[2:] {
		return "skipped"
	}
	now := held{record.state.position, recordHash([]byte(key), value), value}
	before, isHeld := t.held[key]
	if isHeld {
		if before.position.compare(now.position) > 0 {
			return "stale"
		}
		if before.position == now.position && before.hash == now.hash {
			return "known"
		}
		t.sum.remove(before.hash)
	}
	t.sum.add(now.hash)
	t.held[key] = now
	if t.newest == nil || now.position.compare(*t.newest) > 0 {
		t.newest = &now.position
	}
	return "put"
}

func (t *table) takeTombstone(key string) string {
	before, isHeld := t.held[key]
	if !isHeld {
		return "known"
	}
	t.sum.remove(before.hash)
	delete(t.held, key)
	t.removed = true
	return "removed"
}

func (t *table) takeProgress(value []byte) string {
	record, err := decodeRecord(value)
	if err != nil || record.progress == nil || record.progress.position.partition != uint32(t.partition) {
		return "skipped"
	}
	if t.progress != nil && t.progress.position.compare(record.progress.position) > 0 {
		return "late"
	}
	t.progress = record.progress
	t.check = t.compare()
	t.removed = false
	return t.check
}

func (t *table) compare() string {
	theirs := t.progress.digest
	switch {
	case theirs == nil:
		return "no digest"
	case t.newest != nil && t.newest.compare(t.progress.position) > 0:
		return "ahead"
	case bytes.Equal(theirs, mustHex(t.sum.String())):
		return "agrees"
	case !t.atEnd:
		return "catching up"
	case t.removed:
		return "removed since"
	default:
		return "differs"
	}
}

// A place in the log.
type position struct {
	receipts   bool
	generation uint32
	partition  uint32
	offset     int64
}

// The order of two of one entity: generation, then offset.
func (p position) compare(other position) int {
	switch {
	case p.generation != other.generation:
		return order(p.generation < other.generation)
	case p.offset != other.offset:
		return order(p.offset < other.offset)
	default:
		return 0
	}
}

func order(isLess bool) int {
	if isLess {
		return -1
	}
	return 1
}

func (p position) String() string {
	mark := ""
	if p.receipts {
		mark = "r"
	}
	return mark + strconv.FormatUint(uint64(p.generation), 10) + ":" +
		strconv.FormatUint(uint64(p.partition), 10) + ":" + strconv.FormatInt(p.offset, 10)
}

// Reads the text of a position.
func parsePosition(text string) (position, bool) {
	var p position
	if strings.HasPrefix(text, "r") {
		p.receipts, text = true, text[1:]
	}
	parts := strings.Split(text, ":")
	if len(parts) != 3 || strings.ContainsAny(text, "+- ") {
		return p, false
	}
	generation, err1 := strconv.ParseUint(parts[0], 10, 32)
	partition, err2 := strconv.ParseUint(parts[1], 10, 32)
	offset, err3 := strconv.ParseInt(parts[2], 10, 64)
	p.generation, p.partition, p.offset = uint32(generation), uint32(partition), offset
	return p, err1 == nil && err2 == nil && err3 == nil
}
