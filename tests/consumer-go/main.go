// Command consumer reads Rollcall's groups.v1 and numbers.v1 with Go's usual Kafka client,
// and shows that it holds what the projector holds.
//
//	consumer read -brokers 127.0.0.1:9092 [-prefix rollcall.] [-timeout 60s]
//	consumer vectors ../vectors
//
// It shares nothing with Rollcall but the topics, the contract in proto/ and the vectors.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	var err error
	switch os.Args[1] {
	case "read":
		err = read(os.Args[2:])
	case "vectors":
		if len(os.Args) != 3 {
			usage()
		}
		err = checkVectors(os.Args[2])
	default:
		usage()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: consumer read -brokers HOST:PORT[,…] [-prefix PREFIX] [-timeout DURATION] | consumer vectors DIRECTORY")
	os.Exit(2)
}

func read(arguments []string) error {
	flags := flag.NewFlagSet("read", flag.ExitOnError)
	brokers := flags.String("brokers", "", "addresses of Kafka, comma-separated")
	prefix := flags.String("prefix", "rollcall.", "prefix of the topics")
	timeout := flags.Duration("timeout", time.Minute, "give up after")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *brokers == "" {
		usage()
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	result, err := readTopics(ctx, strings.Split(*brokers, ","), *prefix)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(result.partitions, "", "  ")
	if err != nil {
		return err
	}
	fmt.Println(string(text))
	if len(result.faults) > 0 {
		return fmt.Errorf("%s", strings.Join(result.faults, "\n"))
	}
	return nil
}
