package main

import (
	"context"
	"fmt"
	"sort"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The topics that carry a digest, and the first letter of their keys.
var topics = map[string]byte{"groups.v1": 'g', "numbers.v1": 'n'}

// What is printed of one partition of one topic.
type summary struct {
	Digest   string `json:"digest"`
	Records  int    `json:"records"`
	Position string `json:"position"`
	// How our digest compares with the last progress record's.
	Check string `json:"check"`
	// Of the groups, how many have something to show, and their members.
	Shown   int `json:"shown,omitempty"`
	Members int `json:"members,omitempty"`
}

type result struct {
	// By partition, then by topic without prefix.
	partitions map[string]map[string]summary
	// What is not as it must be.
	faults []string
}

type source struct {
	topic     string
	partition int32
}

// Reads from the beginning until, in every partition, the end that was there at the beginning is reached
// and the digest of a progress record was compared.
func readTopics(ctx context.Context, brokers []string, prefix string) (*result, error) {
	starts := map[string]map[int32]kgo.Offset{}
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return nil, err
	}
	ends, err := endOffsets(ctx, client, prefix)
	client.Close()
	if err != nil {
		return nil, err
	}
	tables := map[source]*table{}
	for of := range ends {
		if starts[prefix+of.topic] == nil {
			starts[prefix+of.topic] = map[int32]kgo.Offset{}
		}
		starts[prefix+of.topic][of.partition] = kgo.NewOffset().AtStart()
		tables[of] = newTable(of.partition, topics[of.topic])
	}
	client, err = kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumePartitions(starts))
	if err != nil {
		return nil, err
	}
	defer client.Close()

	result := &result{partitions: map[string]map[string]summary{}}
	for {
		for of, table := range tables {
			if table.next >= ends[of] {
				table.atEnd = true
			}
		}
		if allCompared(tables) {
			break
		}
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("not all partitions were read and compared in time: %w", err)
		}
		for _, failed := range fetches.Errors() {
			return nil, fmt.Errorf("%s/%d: %w", failed.Topic, failed.Partition, failed.Err)
		}
		fetches.EachRecord(func(record *kgo.Record) {
			of := source{record.Topic[len(prefix):], record.Partition}
			if outcome := tables[of].take(record.Offset, record.Key, record.Value); outcome == "skipped" {
				result.faults = append(result.faults, fmt.Sprintf("%s/%d: record %d was not understood", of.topic, of.partition, record.Offset))
			}
		})
	}
	counts := map[string]uint32{}
	for of := range tables {
		counts[of.topic]++
	}
	for of, table := range tables {
		result.add(of, table, counts[of.topic])
	}
	sort.Strings(result.faults)
	return result, nil
}

func allCompared(tables map[source]*table) bool {
	for _, table := range tables {
		if !table.atEnd || (table.check != "agrees" && table.check != "differs") {
			return false
		}
	}
	return true
}

func (r *result) add(of source, table *table, partitions uint32) {
	name := strconv.Itoa(int(of.partition))
	if r.partitions[name] == nil {
		r.partitions[name] = map[string]summary{}
	}
	summary := summary{
		Digest:   table.sum.String(),
		Records:  len(table.held),
		Position: table.progress.position.String(),
		Check:    table.check,
	}
	fault := func(format string, args ...interface{}) {
		place := fmt.Sprintf("%s/%d: ", of.topic, of.partition)
		r.faults = append(r.faults, place+fmt.Sprintf(format, args...))
	}
	if table.check != "agrees" {
		fault("the digest is %s, and %x in the progress record", table.sum, table.progress.digest)
	}
	misplaced := 0
	for key, held := range table.held {
		if partitionOf([]byte(key), partitions) != uint32(of.partition) {
			misplaced++
		}
		if of.topic != "groups.v1" {
			continue
		}
		group, err := decodeGroup(held.value)
		if err != nil {
			fault("a group cannot be read: %v", err)
			continue
		}
		if shown := group.view(); shown != nil {
			summary.Shown++
			summary.Members += len(shown["participants"].([]interface{}))
		}
	}
	if misplaced > 0 {
		fault("%d keys belong to another partition", misplaced)
	}
	r.partitions[name][of.topic] = summary
}

// The end of every partition of the topics.
func endOffsets(ctx context.Context, client *kgo.Client, prefix string) (map[source]int64, error) {
	metadata := kmsg.NewPtrMetadataRequest()
	for topic := range topics {
		asked := kmsg.NewMetadataRequestTopic()
		asked.Topic = kmsg.StringPtr(prefix + topic)
		metadata.Topics = append(metadata.Topics, asked)
	}
	described, err := metadata.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	offsets := kmsg.NewPtrListOffsetsRequest()
	offsets.ReplicaID = -1
	for _, topic := range described.Topics {
		if topic.ErrorCode != 0 {
			return nil, fmt.Errorf("%s: Kafka's error %d", *topic.Topic, topic.ErrorCode)
		}
		asked := kmsg.NewListOffsetsRequestTopic()
		asked.Topic = *topic.Topic
		for _, partition := range topic.Partitions {
			end := kmsg.NewListOffsetsRequestTopicPartition()
			end.Partition = partition.Partition
			end.Timestamp = -1
			asked.Partitions = append(asked.Partitions, end)
		}
		offsets.Topics = append(offsets.Topics, asked)
	}
	listed, err := offsets.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	ends := map[source]int64{}
	for _, topic := range listed.Topics {
		for _, partition := range topic.Partitions {
			if partition.ErrorCode != 0 {
				return nil, fmt.Errorf("%s/%d: Kafka's error %d", topic.Topic, partition.Partition, partition.ErrorCode)
			}
			ends[source{topic.Topic[len(prefix):], partition.Partition}] = partition.Offset
		}
	}
	return ends, nil
}
