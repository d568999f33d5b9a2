//! Serving HTTP/1.1 within limits, and draining at the end.
//!
//! The caller binds the listener and hands it over; [`serve`] returns when the shutdown
//! began and the requests in flight have ended, or their time is up.

use std::{
    convert::Infallible,
    future::poll_fn,
    io::{self, Write},
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{
    limits,
    problem::{self, ErrorCode, Problem},
    tls::Tls,
};

use self::{
    room::{Answered, Client, Guest, Room, Sent},
    stall::StallLimit,
};

mod room;
mod stall;

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken, or not ours.
    #[error("{option} {address} cannot be bound")]
    Bind {
        /// The option that named it.
        option: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// Limits of one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; one more takes the place of that which has been waited for longest.
    pub connections_max: usize,
    /// Time for a request's head, and between two requests.
    pub header_read: Duration,
    /// Time a client may take no byte of an answer.
    pub write_stall: Duration,
    /// Time for requests in flight after shutdown began.
    pub drain: Duration,
}

impl Limits {
    /// Those of [`limits`].
    pub const STANDARD: Self = Self {
        connections_max: limits::CONNECTIONS_MAX,
        header_read: limits::HEADER_READ,
        write_stall: limits::WRITE_STALL,
        drain: limits::HTTP_DRAIN,
    };
}

/// A bound listener: connections wait to be accepted until it is served.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
}

impl Listener {
    /// Speaks TLS, if there is a certificate.
    #[must_use]
    pub fn with_tls(mut self, tls: Option<Tls>) -> Self {
        self.tls = tls;
        self
    }

    /// Where it listens, with the port it got.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes `listening on <what> http://<address>` (or `https:`) to standard output, one line.
    /// A closed standard output is no reason to end.
    pub fn print(&self, what: &str) {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut out = io::stdout().lock();
        let _closed = writeln!(out, "listening on {what} {scheme}://{}", self.address)
            .and_then(|()| out.flush());
    }
}

/// Listens on the address that `option` names; port 0 takes a free one.
///
/// # Errors
/// [`Error::Bind`] names the option and the address.
pub async fn bind(option: &'static str, address: SocketAddr) -> Result<Listener, Error> {
    let bind = async {
        let tcp = TcpListener::bind(address).await?;
        let address = tcp.local_addr()?;
        Ok(Listener {
            tcp,
            address,
            tls: None,
        })
    };
    bind.await.map_err(|source| Error::Bind {
        option,
        address,
        source,
    })
}

/// Gives a router 404 and 405 answers that are problem documents.
pub fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
}

/// Answers 503 for a request whose answer's head is not there within `limit`.
/// Streams may go on longer than that.
pub fn with_timeout<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    limit: Duration,
) -> Router<S> {
    router.layer(middleware::from_fn_with_state(limit, cut_late))
}

async fn cut_late(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(ErrorCode::TimedOut)
            .retry_after(1)
            .into_response(),
    }
}

/// Serves `router` until `shutdown`, then drains.
///
/// A handler that panics answers 500. Streams that never end (Server-Sent Events) must end
/// by themselves at shutdown, or they are cut when the drain's time is up.
pub async fn serve(
    listener: Listener,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let router = router.layer(middleware::from_fn(catch_panic));
    let Listener {
        tcp: listener,
        address: _,
        tls,
    } = listener;
    let room = Room::new(limits.connections_max);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            // Ended connections are taken off the set, so that it does not grow.
            Some(_ended) = connections.join_next() => continue,
            accepted = accept(&listener) => accepted,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                refused(&error).await;
                continue;
            }
        };
        let guest = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            guest = room.enter() => guest,
        };
        let (tls, router, watcher) = (tls.clone(), router.clone(), graceful.watcher());
        connections.spawn(serve_guest(stream, tls, guest, router, limits, watcher));
    }
    // Nobody should wait to be accepted by a server that has stopped.
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = connections.len(),
            "connections cut, for they did not end in the time to drain"
        );
    }
    connections.shutdown().await;
}

async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _peer) = listener.accept().await?;
    // Answers are written whole; waiting for more of them costs up to 40 ms.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A client that went away again is its own business; anything else may be a lack of
/// descriptors, which passes, and must not be asked for a million times a second.
async fn refused(error: &io::Error) {
    let gone = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::InvalidInput,
    ];
    if !gone.contains(&error.kind()) {
        tracing::warn!(error = %error, "a connection could not be accepted");
        tokio::time::sleep(limits::ACCEPT_PAUSE).await;
    }
}

async fn serve_guest(
    stream: TcpStream,
    tls: Option<Tls>,
    guest: Guest,
    router: Router,
    limits: Limits,
    watcher: Watcher,
) {
    let connection = async {
        let client = guest.client();
        let Some(tls) = tls else {
            connection(stream, client, router, limits, watcher).await;
            return;
        };
        match tokio::time::timeout(limits.header_read, tls.accept(stream)).await {
            Ok(Ok(stream)) => connection(stream, client, router, limits, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS came about"),
            Err(_) => tracing::debug!("no TLS came about in time"),
        }
    };
    tokio::select! {
        () = connection => {}
        () = guest.cut() => {
            tracing::debug!("connection cut, for all places are taken and its client was waited for longest");
        }
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: S,
    client: Arc<Client>,
    router: Router,
    limits: Limits,
    watcher: Watcher,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        client.is_served();
        let sent = |body| axum::body::Body::new(Sent::new(body, Arc::clone(&client)));
        let answer = router.clone().oneshot(request.map(sent));
        let client = Arc::clone(&client);
        async move {
            let answer = answer.await?;
            Ok::<_, Infallible>(answer.map(|body| Answered::new(body, client)))
        }
    });
    let stream = TokioIo::new(StallLimit::new(stream, limits.write_stall));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .serve_connection(stream, service);
    if let Err(error) = watcher.watch(connection).await {
        // Clients that break off, send no HTTP, or are slow: nothing anybody must act on.
        tracing::debug!(error = %error, "connection ended early");
    }
}

/// The panic hook has logged where; the caller learns nothing of it.
async fn catch_panic(request: Request, next: Next) -> Response {
    let mut response = pin!(next.run(request));
    let outcome = poll_fn(|cx| {
        // The future is not polled again after a panic.
        match catch_unwind(AssertUnwindSafe(|| response.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(response)) => Poll::Ready(Some(response)),
            Err(_panic) => Poll::Ready(None),
        }
    });
    match outcome.await {
        Some(response) => response,
        None => Problem::new(ErrorCode::Internal).into_response(),
    }
}
