//! Posts webhooks as cheaply as it can: prebuilt requests on blocking sockets, a thread for each.
//!
//! It shares two cores with what it measures, so it parses no more of an answer than its status and length.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// An answer that takes longer ends the measurement.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// What came of one loop.
#[derive(Debug, Default)]
pub(crate) struct Loop {
    pub(crate) wall: Duration,
    /// Times of all answers, sorted.
    pub(crate) latencies: Vec<Duration>,
    /// Answers other than 200.
    pub(crate) refused: u64,
}

impl Loop {
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let place = (self.latencies.len() as f64 * share).ceil() as usize;
        let place = place.clamp(1, self.latencies.len().max(1)) - 1;
        self.latencies.get(place).copied().unwrap_or_default()
    }

    fn of(began: Instant, parts: Vec<Result<(Vec<Duration>, u64)>>) -> Result<Self> {
        let wall = began.elapsed();
        let mut latencies = Vec::new();
        let mut refused = 0;
        for part in parts {
            let (part, others) = part?;
            latencies.extend(part);
            refused += others;
        }
        latencies.sort_unstable();
        Ok(Self {
            wall,
            latencies,
            refused,
        })
    }
}

/// Each connection posts its next webhook when the last is answered, until `count` are posted.
pub(crate) fn closed(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    count: u64,
) -> Result<Loop> {
    let next = AtomicU64::new(0);
    let began = Instant::now();
    let parts = side_by_side(connections, |_| {
        let mut connection = Connection::open(address)?;
        let (mut latencies, mut refused) = (Vec::new(), 0);
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return Ok((latencies, refused));
            }
            let sent = Instant::now();
            let status = connection.post(request(requests, n))?;
            latencies.push(sent.elapsed());
            refused += u64::from(status != 200);
        }
    });
    Loop::of(began, parts)
}

/// Webhooks are due at a fixed rate, whatever becomes of the earlier ones, and an answer's time counts from then.
pub(crate) fn open(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    rate: u32,
    seconds: u32,
) -> Result<Loop> {
    let count = u64::from(rate) * u64::from(seconds);
    let began = Instant::now();
    let parts = side_by_side(connections, |index| {
        let mut connection = Connection::open(address)?;
        let (mut latencies, mut refused) = (Vec::new(), 0);
        let (mut n, step) = (index as u64, connections as u64);
        while n < count {
            let due = began + Duration::from_secs_f64(n as f64 / f64::from(rate));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let status = connection.post(request(requests, n))?;
            latencies.push(due.elapsed());
            refused += u64::from(status != 200);
            n += step;
        }
        Ok((latencies, refused))
    });
    Loop::of(began, parts)
}

fn request(requests: &[Vec<u8>], n: u64) -> &[u8] {
    &requests[n as usize % requests.len()]
}

fn side_by_side<T: Send>(count: usize, work: impl Fn(usize) -> Result<T> + Sync) -> Vec<Result<T>> {
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count)
            .map(|index| scope.spawn(move || work(index)))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended
            .map(|ended| ended.expect("a poster panicked"))
            .collect()
    })
}

struct Connection {
    stream: TcpStream,
    buffer: [u8; 2048],
}

impl Connection {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("connect to ingest")?;
        stream.set_nodelay(true).context("set TCP_NODELAY")?;
        stream
            .set_read_timeout(Some(ANSWER_WITHIN))
            .context("set a timeout")?;
        Ok(Self {
            stream,
            buffer: [0; 2048],
        })
    }

    /// Posts, reads the whole answer, and gives its status.
    fn post(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).context("post")?;
        let mut filled = 0;
        loop {
            if filled == self.buffer.len() {
                bail!("an answer of more than {filled} bytes");
            }
            let read = self.stream.read(&mut self.buffer[filled..]);
            let read = read.context("read an answer")?;
            if read == 0 {
                bail!("the connection was closed");
            }
            filled += read;
            let answer = &self.buffer[..filled];
            let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
                continue;
            };
            let head = std::str::from_utf8(&answer[..end]).context("an odd head")?;
            if filled >= end + 4 + content_length(head) {
                let status = head
                    .split(' ')
                    .nth(1)
                    .and_then(|status| status.parse().ok());
                return status.context("an answer without a status");
            }
        }
    }
}

fn content_length(head: &str) -> usize {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    found.map_or(0, |(_, value)| value.trim().parse().unwrap_or(0))
}
