package main

import (
	"bytes"
	"sort"
)

// What a webhook, a read or an answer asserted, and when.
type register struct {
	id    string
	at    int64
	rank  uint64
	tie   []byte
	doubt bool
	// Of a text.
	text string
	// Of a flag, a second, a presence, an ask or an existence.
	number int64
	// Of a join request beside it.
	username, parent *string
}

const (
	gone    = 2
	present = 2
	open    = 2
)

// The state of a group: registers by name or by person.
type group struct {
	state                                                       *state
	exists, number, waba, subject, description, picture, invite *register
	approval, suspended, created, hint, unlisted                *register
	member, ask, detail, is, label, parent                      []register
	roster, asks, verified, changed                             int64
	overflow                                                    bool
}

func decodeGroup(value []byte) (*group, error) {
	record, err := decodeRecord(value)
	if err != nil || record.state == nil {
		return nil, err
	}
	all, err := fields(record.state.bytes)
	if err != nil {
		return nil, err
	}
	g := &group{state: record.state}
	single := map[int32]**register{
		5: &g.exists, 6: &g.number, 7: &g.waba, 8: &g.subject, 9: &g.description, 10: &g.picture, 11: &g.invite,
		12: &g.approval, 13: &g.suspended, 14: &g.created, 21: &g.hint, 22: &g.unlisted,
	}
	each := map[int32]*[]register{15: &g.member, 16: &g.ask, 17: &g.detail, 18: &g.is, 19: &g.label, 20: &g.parent}
	seconds := map[int32]*int64{23: &g.roster, 24: &g.asks, 25: &g.verified, 26: &g.changed}
	for _, f := range all {
		number := int32(f.number)
		if into, ok := single[number]; ok {
			r, err := decodeRegister(f.bytes, 1)
			if err != nil {
				return nil, err
			}
			*into = r
		} else if into, ok := each[number]; ok {
			r, err := decodeRegister(f.bytes, 2)
			if err != nil {
				return nil, err
			}
			*into = append(*into, *r)
		} else if into, ok := seconds[number]; ok {
			*into = int64(f.varint)
		} else if number == 27 {
			g.overflow = f.varint != 0
		}
	}
	return g, nil
}

// Reads a register whose stamp is the field of that number, with its value after it and its person, if any, before it.
func decodeRegister(message []byte, stampAt int32) (*register, error) {
	all, err := fields(message)
	if err != nil {
		return nil, err
	}
	r := &register{}
	for _, f := range all {
		text := string(f.bytes)
		switch int32(f.number) - stampAt {
		case -1:
			r.id = text
		case 0:
			if err := r.decodeStamp(f.bytes); err != nil {
				return nil, err
			}
		case 1:
			r.text, r.number = text, int64(f.varint)
		case 2:
			r.number = int64(f.varint)
		case 3:
			r.username = &text
		case 4:
			r.parent = &text
		}
	}
	return r, nil
}

func (r *register) decodeStamp(message []byte) error {
	all, err := fields(message)
	for _, f := range all {
		switch f.number {
		case 1:
			r.at = int64(f.varint)
		case 2:
			r.rank = f.varint
		case 3:
			r.tie = f.bytes
		case 4:
			r.doubt = f.varint != 0
		}
	}
	return err
}

// Compares by second and rank.
func (r *register) age(other *register) int {
	switch {
	case r.at != other.at:
		return order(r.at < other.at)
	case r.rank != other.rank:
		return order(r.rank < other.rank)
	default:
		return 0
	}
}

func (r *register) compareValue(other *register) int {
	if c := bytes.Compare([]byte(r.text), []byte(other.text)); c != 0 {
		return c
	}
	if r.number != other.number {
		return order(r.number < other.number)
	}
	if c := compareOptional(r.username, other.username); c != 0 {
		return c
	}
	return compareOptional(r.parent, other.parent)
}

func compareOptional(one, other *string) int {
	switch {
	case one == nil && other == nil:
		return 0
	case one == nil || other == nil:
		return order(one == nil)
	default:
		return bytes.Compare([]byte(*one), []byte(*other))
	}
}

// Joins two registers of one person: the younger stays; of one age the greater value, and doubt if they differ.
func join(held *register, other register) *register {
	if held == nil {
		return &other
	}
	switch held.age(&other) {
	case -1:
		return &other
	case 1:
		return held
	}
	joined := *held
	c := held.compareValue(&other)
	if c < 0 || c == 0 && bytes.Compare(held.tie, other.tie) < 0 {
		joined = other
	}
	joined.doubt = held.doubt || other.doubt || c != 0
	return &joined
}

// Follows links from an identifier to the one that stands for the person; a cycle ends at its smallest.
func (g *group) resolve(id string) string {
	const steps = 8
	links := map[string]string{}
	for _, link := range g.is {
		links[link.id] = link.text
	}
	path := []string{id}
	at, isLink := links[id]
	if !isLink {
		return id
	}
	for len(path) < steps {
		if cycle := smallestFrom(path, at); cycle != "" {
			return cycle
		}
		to, isLink := links[at]
		if !isLink {
			return at
		}
		path = append(path, at)
		at = to
	}
	if cycle := smallestFrom(path, at); cycle != "" {
		return cycle
	}
	return at
}

func smallestFrom(path []string, at string) string {
	for i, seen := range path {
		if seen == at {
			cycle := append([]string{}, path[i:]...)
			sort.Strings(cycle)
			return cycle[0]
		}
	}
	return ""
}

func isNumber(id string) bool {
	for _, c := range id {
		if c < '0' || c > '9' {
			return false
		}
	}
	return id != ""
}
