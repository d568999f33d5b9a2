//! Whether the nodes of a cluster hold the same, as they say themselves.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::Cluster;
use crate::wait::await_until;

/// How long a node may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// More than the metadata of any cluster of the tests.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Lines in the error of a wait in vain.
const NAMED_MAX: usize = 10;

impl Cluster {
    /// Partitions of which not every replica is in sync in the eyes of some node, internal topics too; one line each.
    ///
    /// # Errors
    ///
    /// When a node does not answer, or not as the protocol says.
    pub fn out_of_sync(&self) -> Result<Vec<String>> {
        let mut lines = BTreeSet::new();
        for node in &self.nodes {
            let address = node.address;
            let answer = metadata(address).with_context(|| format!("ask {address}"))?;
            let partitions = partitions(&answer).with_context(|| format!("read {address}"))?;
            lines.extend(partitions.iter().filter_map(Partition::out_of_sync));
        }
        Ok(lines.into_iter().collect())
    }

    /// Waits until every node says that every replica of every partition is in sync.
    ///
    /// # Errors
    ///
    /// Names what is not when `timeout` is over.
    pub fn await_in_sync(&self, timeout: Duration) -> Result<()> {
        let mut last = Ok(Vec::new());
        let found = await_until(timeout, "all replicas to be in sync", || {
            last = self.out_of_sync();
            matches!(&last, Ok(lines) if lines.is_empty()).then_some(())
        });
        found.with_context(|| match last {
            Ok(lines) => {
                let named: Vec<&str> = lines.iter().take(NAMED_MAX).map(String::as_str).collect();
                format!("{} are not: {}", lines.len(), named.join("; "))
            }
            Err(error) => format!("{error:#}"),
        })
    }
}

/// A partition in a node's metadata.
#[derive(Debug, PartialEq)]
struct Partition {
    topic: String,
    index: i32,
    leader: i32,
    replicas: Vec<i32>,
    in_sync: Vec<i32>,
}

impl Partition {
    fn out_of_sync(&self) -> Option<String> {
        let Self {
            topic,
            index,
            leader,
            replicas,
            in_sync,
        } = self;
        let is_whole = replicas.iter().all(|replica| in_sync.contains(replica));
        (!is_whole || *leader < 0).then(|| {
            format!("{topic}-{index}: led by {leader}, in sync {in_sync:?} of {replicas:?}")
        })
    }
}

/// The answer to `Metadata`, version 1, for all topics: the oldest that needs no tagged fields and that brokers still take.
fn metadata(address: SocketAddr) -> Result<Vec<u8>> {
    // Size; key 3, version 1, correlation id 1, no client id; no list of topics, which is all.
    const REQUEST: [u8; 18] = [
        0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    ];
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(&REQUEST)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = usize::try_from(i32::from_be_bytes(size)).context("read a size")?;
    if size > ANSWER_BYTES_MAX {
        bail!("an answer of {size} bytes");
    }
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

fn partitions(answer: &[u8]) -> Result<Vec<Partition>> {
    let mut rest = Cursor(answer);
    let _correlation = rest.int32()?;
    for _ in 0..rest.int32()? {
        let (_node, _host, _port, _rack) =
            (rest.int32()?, rest.string()?, rest.int32()?, rest.string()?);
    }
    let _controller = rest.int32()?;
    let mut partitions = Vec::new();
    for _ in 0..rest.int32()? {
        let _error = rest.int16()?;
        let topic = rest.string()?;
        let _is_internal = rest.take::<1>()?;
        for _ in 0..rest.int32()? {
            let _error = rest.int16()?;
            partitions.push(Partition {
                topic: topic.clone(),
                index: rest.int32()?,
                leader: rest.int32()?,
                replicas: rest.int32s()?,
                in_sync: rest.int32s()?,
            });
        }
    }
    Ok(partitions)
}

/// Reads Kafka's primitive types.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk().context("cut off")?;
        self.0 = rest;
        Ok(*head)
    }

    fn int16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.take()?))
    }

    fn int32(&mut self) -> Result<i32> {
        Ok(i32::from_be_bytes(self.take()?))
    }

    fn int32s(&mut self) -> Result<Vec<i32>> {
        (0..self.int32()?).map(|_| self.int32()).collect()
    }

    /// Empty for none.
    fn string(&mut self) -> Result<String> {
        let length = usize::try_from(self.int16()?).unwrap_or(0);
        let (text, rest) = self.0.split_at_checked(length).context("cut off")?;
        self.0 = rest;
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Partition, partitions};

    /// One broker; one topic of one partition, led by 0, with replicas 0, 1 and 2 of which 2 is not in sync.
    fn answer() -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 1];
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 0]);
        bytes.extend([0, 1, b'h', 0, 0, 0x23, 0x84, 0xff, 0xff]);
        bytes.extend([0, 0, 0, 0]);
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, b't', 0]);
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0]);
        bytes.extend([0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
        bytes.extend([0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn a_replica_that_is_not_in_sync_is_seen() {
        let mut read = partitions(&answer()).unwrap();
        let partition = Partition {
            topic: "t".to_owned(),
            index: 7,
            leader: 0,
            replicas: vec![0, 1, 2],
            in_sync: vec![1, 0],
        };
        assert_eq!(read, [partition]);
        assert_eq!(
            read[0].out_of_sync().unwrap(),
            "t-7: led by 0, in sync [1, 0] of [0, 1, 2]"
        );
        read[0].in_sync.push(2);
        assert_eq!(read[0].out_of_sync(), None);
        read[0].leader = -1;
        assert!(read[0].out_of_sync().is_some());
    }

    #[test]
    fn an_answer_that_is_cut_off_is_an_error() {
        let answer = answer();
        assert!(partitions(&answer[..answer.len() - 1]).is_err());
    }
}
