//! Sends requests as cheaply as it can: prebuilt ones on blocking sockets, a thread for each.
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

/// No answer that is asked for here is larger.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What came of one loop.
#[derive(Debug, Default)]
pub(crate) struct Loop {
    pub(crate) wall: Duration,
    /// Times of all answers from when their requests were due, sorted.
    pub(crate) latencies: Vec<Duration>,
    /// The same from when the requests were sent, sorted: without what a busy load generator adds.
    pub(crate) answers: Vec<Duration>,
    /// Answers other than 200.
    pub(crate) refused: u64,
}

impl Loop {
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        quantile(&self.latencies, share)
    }

    fn of(began: Instant, parts: Vec<Result<Self>>) -> Result<Self> {
        let mut all = Self {
            wall: began.elapsed(),
            ..Self::default()
        };
        for part in parts {
            let part = part?;
            all.latencies.extend(part.latencies);
            all.answers.extend(part.answers);
            all.refused += part.refused;
        }
        all.latencies.sort_unstable();
        all.answers.sort_unstable();
        Ok(all)
    }

    fn count(&mut self, due: Instant, sent: Instant, status: u16) {
        self.latencies.push(due.elapsed());
        self.answers.push(sent.elapsed());
        self.refused += u64::from(status != 200);
    }
}

/// The least of `sorted` that this share of it is not above.
pub(crate) fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    let place = place.clamp(1, sorted.len().max(1)) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

/// Each connection sends its next request when the last is answered, until `count` are sent.
pub(crate) fn closed(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    count: u64,
) -> Result<Loop> {
    let next = AtomicU64::new(0);
    let began = Instant::now();
    let parts = side_by_side(connections, |_| {
        let (mut connection, mut part) = (Connection::open(address)?, Loop::default());
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                return Ok(part);
            }
            let sent = Instant::now();
            let status = connection.ask(request(requests, n))?;
            part.count(sent, sent, status);
        }
    });
    Loop::of(began, parts)
}

/// Requests are due at a fixed rate, whatever becomes of the earlier ones, and an answer's time counts from then.
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
        let (mut connection, mut part) = (Connection::open(address)?, Loop::default());
        let (mut n, step) = (index as u64, connections as u64);
        while n < count {
            let due = began + Duration::from_secs_f64(n as f64 / f64::from(rate));
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let sent = Instant::now();
            let status = connection.ask(request(requests, n))?;
            part.count(due, sent, status);
            n += step;
        }
        Ok(part)
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
            .map(|ended| ended.expect("a sender panicked"))
            .collect()
    })
}

/// One connection, kept open.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("connect to the service")?;
        stream.set_nodelay(true).context("set TCP_NODELAY")?;
        stream
            .set_read_timeout(Some(ANSWER_WITHIN))
            .context("set a timeout")?;
        Ok(Self {
            stream,
            buffer: vec![0; ANSWER_BYTES_MAX],
        })
    }

    /// Sends, reads the whole answer, and gives its status.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<u16> {
        Ok(self.ask_for_body(request)?.0)
    }

    /// Sends, and gives status and body of the answer.
    pub(crate) fn ask_for_body(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).context("send a request")?;
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
            let whole = end + 4 + content_length(head);
            if filled >= whole {
                let status = head
                    .split(' ')
                    .nth(1)
                    .and_then(|status| status.parse().ok());
                let status = status.context("an answer without a status")?;
                return Ok((status, &self.buffer[end + 4..whole]));
            }
        }
    }
}

fn content_length(head: &str) -> usize {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    found.map_or(0, |(_, value)| value.trim().parse().unwrap_or(0))
}
