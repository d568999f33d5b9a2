package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
)

// Holds this program to the vectors; says how many it checked.
func checkVectors(directory string) error {
	checked := 0
	for _, check := range []struct {
		file  string
		check func(*checker, []byte) error
	}{
		{"partitions.json", checkPartitions},
		{"positions.json", checkPositions},
		{"digests.json", checkDigests},
		{"reading.json", checkReading},
		{"records.json", checkRecords},
		{"fold.json", checkFold},
	} {
		bytes, err := os.ReadFile(filepath.Join(directory, check.file))
		if err != nil {
			return err
		}
		c := &checker{}
		if err := check.check(c, bytes); err != nil {
			return fmt.Errorf("%s: %w", check.file, err)
		}
		if len(c.failures) > 0 {
			return fmt.Errorf("%s: %d differ, the first: %s", check.file, len(c.failures), c.failures[0])
		}
		if c.checked == 0 {
			return fmt.Errorf("%s: nothing was checked", check.file)
		}
		checked += c.checked
		fmt.Printf("%s: %d checks\n", check.file, c.checked)
	}
	fmt.Printf("all %d checks hold\n", checked)
	return nil
}

type checker struct {
	checked  int
	failures []string
}

func (c *checker) same(what string, ours, theirs interface{}) {
	c.checked++
	if !reflect.DeepEqual(ours, theirs) {
		c.failures = append(c.failures, fmt.Sprintf("%s: %v, and %v in the vectors", what, ours, theirs))
	}
}

func checkPartitions(c *checker, bytes []byte) error {
	var vectors struct {
		Keys []struct {
			Key         string
			PartitionOf map[string]uint32 `json:"partition_of"`
		}
	}
	if err := json.Unmarshal(bytes, &vectors); err != nil {
		return err
	}
	for _, key := range vectors.Keys {
		for count, partition := range key.PartitionOf {
			count, err := strconv.ParseUint(count, 10, 32)
			if err != nil {
				return err
			}
			c.same(key.Key, partitionOf(mustHex(key.Key), uint32(count)), partition)
		}
	}
	return nil
}

func checkPositions(c *checker, bytes []byte) error {
	var vectors struct {
		Parsed []struct {
			Text     string
			Position *struct {
				Stream                string
				Generation, Partition uint32
				Offset                string
			}
		}
		Compared []struct {
			One, Other string
			Order      int
		}
	}
	if err := json.Unmarshal(bytes, &vectors); err != nil {
		return err
	}
	for _, vector := range vectors.Parsed {
		ours, isPosition := parsePosition(vector.Text)
		c.same(vector.Text, isPosition, vector.Position != nil)
		if theirs := vector.Position; isPosition && theirs != nil {
			c.same(vector.Text, ours.String(), vector.Text)
			c.same(vector.Text, ours.receipts, theirs.Stream == "receipts")
			c.same(vector.Text, ours.generation, theirs.Generation)
			c.same(vector.Text, ours.partition, theirs.Partition)
			c.same(vector.Text, strconv.FormatInt(ours.offset, 10), theirs.Offset)
		}
	}
	for _, vector := range vectors.Compared {
		one, _ := parsePosition(vector.One)
		other, _ := parsePosition(vector.Other)
		c.same(vector.One+" "+vector.Other, one.compare(other), vector.Order)
		c.same(vector.Other+" "+vector.One, other.compare(one), -vector.Order)
	}
	return nil
}

func checkDigests(c *checker, bytes []byte) error {
	var vectors struct {
		Empty   string
		Records []struct{ Key, Value, Hash, Sum string }
		Without string `json:"without_the_second"`
		Wrapped string `json:"a_thousand_times_the_first"`
	}
	if err := json.Unmarshal(bytes, &vectors); err != nil {
		return err
	}
	var sum, wrapped digest
	c.same("empty", sum.String(), vectors.Empty)
	hashes := [][32]byte{}
	for _, vector := range vectors.Records {
		hash := recordHash(mustHex(vector.Key), mustHex(vector.Value))
		hashes = append(hashes, hash)
		sum.add(hash)
		c.same("hash", hex.EncodeToString(hash[:]), vector.Hash)
		c.same("sum", sum.String(), vector.Sum)
	}
	sum.remove(hashes[1])
	c.same("without the second", sum.String(), vectors.Without)
	for i := 0; i < 1000; i++ {
		wrapped.add(hashes[0])
	}
	c.same("wrapped", wrapped.String(), vectors.Wrapped)
	return nil
}

func checkReading(c *checker, bytes []byte) error {
	var vectors struct {
		Records []struct {
			Key     string
			Value   *string
			Outcome string
			Records int
			Digest  string
		}
	}
	if err := json.Unmarshal(bytes, &vectors); err != nil {
		return err
	}
	table := newTable(0, 'g')
	table.atEnd = true
	for offset, vector := range vectors.Records {
		var value []byte
		if vector.Value != nil {
			value = mustHex(*vector.Value)
		}
		what := fmt.Sprintf("record %d", offset)
		c.same(what, table.take(int64(offset), mustHex(vector.Key), value), vector.Outcome)
		c.same(what, len(table.held), vector.Records)
		c.same(what, table.sum.String(), vector.Digest)
	}
	return nil
}

func checkRecords(c *checker, bytes []byte) error {
	var vectors struct {
		Records []struct {
			Name, Topic, Key, Value string
			Says                    object
		}
	}
	if err := json.Unmarshal(bytes, &vectors); err != nil {
		return err
	}
	for _, vector := range vectors.Records {
		value := mustHex(vector.Value)
		says, err := say(vector.Says["content"], string(mustHex(vector.Key)), value)
		if err != nil {
			return fmt.Errorf("%s: %w", vector.Name, err)
		}
		for name, ours := range says {
			c.same(vector.Name+"."+name, ours, vector.Says[name])
		}
		if vector.Topic == "groups.v1" && vector.Says["content"] == "state" {
			if err := checkShown(c, vector.Name, value, vector.Says["json"]); err != nil {
				return err
			}
		}
	}
	return nil
}

// What a record says, as far as this program reads such records.
func say(content interface{}, key string, value []byte) (object, error) {
	switch content {
	case "state":
		record, err := decodeRecord(value)
		if err != nil || record.state == nil {
			return nil, fmt.Errorf("no state: %w", err)
		}
		s := record.state
		says := object{"fold": float64(s.fold), "id": s.id, "position": s.position.String(), "version": nil}
		if s.version != nil {
			says["version"] = s.version.String()
		}
		return says, nil
	case "progress":
		record, err := decodeRecord(value)
		if err != nil || record.progress == nil {
			return nil, fmt.Errorf("no progress: %w", err)
		}
		p := record.progress
		says := object{
			"position": p.position.String(), "event_id": hexOrNil(p.eventID), "log_time_ms": float64(p.logTimeMs),
			"partitions": float64(p.partitions), "gap": nil, "digest": hexOrNil(p.digest), "fold": float64(p.fold),
			"written_at_ms": float64(p.writtenAtMs), "changes_next": float64(p.changesNext),
		}
		if p.gap != nil {
			says["gap"] = object{"from": float64(p.gap.from), "to": float64(p.gap.to), "at": float64(p.gap.at)}
		}
		return says, nil
	case "change":
		change, err := decodeChange(value)
		if err != nil {
			return nil, err
		}
		says := object{"entity": change.entity, "version": change.version.String(), "previous_version": nil, "forgotten": change.forgotten}
		if change.previous != nil {
			says["previous_version"] = change.previous.String()
		}
		return says, nil
	default:
		// Of events, the envelope alone.
		all, err := fields(value)
		if err != nil {
			return nil, err
		}
		says := object{"entity": key}
		for _, f := range all {
			switch f.number {
			case 1:
				says["event_id"] = hex.EncodeToString(f.bytes)
			case 2:
				says["entity"] = string(f.bytes)
			case 3:
				says["occurred_at"] = float64(int64(f.varint))
			}
		}
		return says, nil
	}
}

func hexOrNil(bytes []byte) interface{} {
	if bytes == nil {
		return nil
	}
	return hex.EncodeToString(bytes)
}

// Computes from the record of a group what the query API shows of it.
func checkShown(c *checker, what string, record []byte, shown interface{}) error {
	group, err := decodeGroup(record)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	ours := group.view()
	if ours == nil || shown == nil {
		c.same(what, ours == nil, shown == nil)
		return nil
	}
	theirs := shown.(object)
	c.same(what+": fields", len(ours), len(theirs))
	for name, value := range theirs {
		c.same(what+"."+name, ours[name], value)
	}
	return nil
}

func checkFold(c *checker, bytes []byte) error {
	var vectors struct {
		Stories []struct {
			Name, Key string
			Steps     []struct {
				Outcome, Position string
				Record            *string
				Group             interface{}
				Change            *struct {
					Value string
					JSON  object
				}
			}
		}
	}
	if err := json.Unmarshal(bytes, &vectors); err != nil {
		return err
	}
	for _, story := range vectors.Stories {
		// Acts once per change by remembering the last version; a gap would show.
		var remembered interface{}
		for _, step := range story.Steps {
			what := story.Name + " " + step.Position
			if step.Record != nil {
				if err := checkShown(c, what, mustHex(*step.Record), step.Group); err != nil {
					return err
				}
			}
			if step.Change == nil {
				continue
			}
			change, err := decodeChange(mustHex(step.Change.Value))
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			c.same(what+": version", change.version.String(), step.Position)
			c.same(what+": entity", change.entity, string(mustHex(story.Key)))
			var previous interface{}
			if change.previous != nil {
				previous = change.previous.String()
			}
			c.same(what+": follows", previous, remembered)
			c.same(what+": json", step.Change.JSON["previous_version"], previous)
			remembered = change.version.String()
			if change.forgotten {
				remembered = nil
			}
		}
	}
	return nil
}
