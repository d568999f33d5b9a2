package main

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"

	"lukechampine.com/blake3"
)

// The sum of the hashes of records modulo 2^256; least significant limb first.
type digest [4]uint64

// The hash of one record.
func recordHash(key, value []byte) [32]byte {
	framed := make([]byte, 4, 4+len(key)+len(value))
	binary.BigEndian.PutUint32(framed, uint32(len(key)))
	framed = append(framed, key...)
	framed = append(framed, value...)
	return blake3.Sum256(framed)
}

func limbs(bytes []byte) digest {
	var d digest
	for i := range d {
		d[i] = binary.BigEndian.Uint64(bytes[8*(3-i):])
	}
	return d
}

func (d *digest) add(hash [32]byte) {
	var carry uint64
	for i, limb := range limbs(hash[:]) {
		d[i], carry = bits.Add64(d[i], limb, carry)
	}
}

func (d *digest) remove(hash [32]byte) {
	var borrow uint64
	for i, limb := range limbs(hash[:]) {
		d[i], borrow = bits.Sub64(d[i], limb, borrow)
	}
}

func (d digest) String() string {
	var bytes [32]byte
	for i, limb := range d {
		binary.BigEndian.PutUint64(bytes[8*(3-i):], limb)
	}
	return hex.EncodeToString(bytes[:])
}

// The partition of a key, as Kafka's Java client computes it: murmur2, its sign cleared, modulo the count.
func partitionOf(key []byte, partitions uint32) uint32 {
	return murmur2(key) & 0x7fffffff % partitions
}

func murmur2(data []byte) uint32 {
	const m = 0x5bd1e995
	hash := uint32(0x9747b28c) ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		k ^= k >> 24
		hash = hash*m ^ k*m
	}
	for i, b := range data {
		hash ^= uint32(b) << (8 * i)
	}
	if len(data) > 0 {
		hash *= m
	}
	hash ^= hash >> 13
	hash *= m
	return hash ^ hash>>15
}
