module rollcall.example/consumer

// Debian 12's Go; newer ones will do as well.
go 1.19

require (
	github.com/twmb/franz-go v1.16.1
	github.com/twmb/franz-go/pkg/kmsg v1.7.0
	google.golang.org/protobuf v1.33.0
	lukechampine.com/blake3 v1.3.0
)

require (
	github.com/klauspost/compress v1.17.4 // indirect
	github.com/klauspost/cpuid/v2 v2.0.9 // indirect
	github.com/pierrec/lz4/v4 v4.1.19 // indirect
)
