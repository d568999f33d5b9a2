package main

import (
	"encoding/hex"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// One field of a message of Protocol Buffers: a service would generate code from proto/,
// an example shows how little there is to read.
type field struct {
	number protowire.Number
	varint uint64
	bytes  []byte
}

func fields(message []byte) ([]field, error) {
	var all []field
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		message = message[n:]
		f := field{number: number}
		switch kind {
		case protowire.VarintType:
			f.varint, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		message = message[n:]
		all = append(all, f)
	}
	return all, nil
}

// A value of a state topic: one of both.
type record struct {
	state    *state
	progress *progress
}

// What all states begin with.
type state struct {
	fold     uint32
	id       string
	position position
	version  *position
	// All of it.
	bytes []byte
}

type progress struct {
	position    position
	eventID     []byte
	logTimeMs   int64
	partitions  uint32
	gap         *gap
	digest      []byte
	fold        uint32
	writtenAtMs int64
	changesNext int64
}

type gap struct{ from, to, at int64 }

func decodeRecord(value []byte) (record, error) {
	var r record
	all, err := fields(value)
	if err != nil {
		return r, err
	}
	for _, f := range all {
		switch f.number {
		case 1:
			r.progress = nil
			r.state, err = decodeState(f.bytes)
		case 2:
			r.state = nil
			r.progress, err = decodeProgress(f.bytes)
		}
		if err != nil {
			return r, err
		}
	}
	return r, nil
}

func decodeState(message []byte) (*state, error) {
	all, err := fields(message)
	if err != nil {
		return nil, err
	}
	s := &state{bytes: message}
	hasPosition := false
	for _, f := range all {
		switch f.number {
		case 1:
			s.fold = uint32(f.varint)
		case 2:
			s.id = string(f.bytes)
		case 3:
			s.position, err = decodePosition(f.bytes)
			hasPosition = true
		case 4:
			var version position
			version, err = decodePosition(f.bytes)
			s.version = &version
		}
		if err != nil {
			return nil, err
		}
	}
	if !hasPosition || s.id == "" {
		return nil, fmt.Errorf("a state without id or position")
	}
	return s, nil
}

func decodePosition(message []byte) (position, error) {
	var p position
	all, err := fields(message)
	for _, f := range all {
		switch f.number {
		case 1:
			p.receipts = f.varint == 2
		case 2:
			p.generation = uint32(f.varint)
		case 3:
			p.partition = uint32(f.varint)
		case 4:
			p.offset = int64(f.varint)
		}
	}
	return p, err
}

func decodeProgress(message []byte) (*progress, error) {
	all, err := fields(message)
	if err != nil {
		return nil, err
	}
	p := &progress{}
	for _, f := range all {
		switch f.number {
		case 1:
			p.position, err = decodePosition(f.bytes)
		case 2:
			p.eventID = f.bytes
		case 3:
			p.logTimeMs = int64(f.varint)
		case 4:
			p.partitions = uint32(f.varint)
		case 5:
			p.gap, err = decodeGap(f.bytes)
		case 6:
			p.digest = f.bytes
		case 7:
			p.fold = uint32(f.varint)
		case 8:
			p.writtenAtMs = int64(f.varint)
		case 9:
			p.changesNext = int64(f.varint)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func decodeGap(message []byte) (*gap, error) {
	all, err := fields(message)
	g := &gap{}
	for _, f := range all {
		switch f.number {
		case 1:
			g.from = int64(f.varint)
		case 2:
			g.to = int64(f.varint)
		case 3:
			g.at = int64(f.varint)
		}
	}
	return g, err
}

// What a reader of changes needs to act once; the fields that changed stand in the messages after it.
type change struct {
	version   position
	previous  *position
	forgotten bool
	entity    string
}

func decodeChange(message []byte) (*change, error) {
	all, err := fields(message)
	if err != nil {
		return nil, err
	}
	c := &change{}
	for _, f := range all {
		switch f.number {
		case 1:
			c.version, err = decodePosition(f.bytes)
		case 2:
			var previous position
			previous, err = decodePosition(f.bytes)
			c.previous = &previous
		case 5:
			c.forgotten = f.varint != 0
		case 6, 7, 8:
			var about []field
			if about, err = fields(f.bytes); err == nil && len(about) > 0 {
				c.entity = string(" grn"[f.number-5]) + "/" + string(about[0].bytes)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

func mustHex(text string) []byte {
	bytes, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return bytes
}
