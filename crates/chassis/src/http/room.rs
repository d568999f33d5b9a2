//! Who holds the places of a listener, and who gives his up when they are all taken.
//!
//! A client that sends the head of a request, or its body, or nothing at all, byte by byte costs its sender nothing.
//! If it kept its place for as long as a slow but honest one may take, some hundreds of them would lock everybody out.
//! So a newcomer to a full listener takes the place of the client that we have been waiting for longest;
//! one whose request is being worked on, or whose answer is being written, is never cut for that.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use axum::body::{Body, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::limits;

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Room {
    places: Arc<Semaphore>,
    clients: Mutex<HashMap<u64, Arc<Client>>>,
    began: Instant,
    entered: AtomicU64,
}

impl Room {
    pub(super) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(places)),
            clients: Mutex::default(),
            began: Instant::now(),
            entered: AtomicU64::new(0),
        })
    }

    /// Waits for a place; where there is none, the client that is waited for longest loses its own.
    pub(super) async fn enter(self: &Arc<Self>) -> Guest {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return self.guest(place);
            }
            self.cut_one();
            // Nobody may be waited for now, and that can change without a place becoming free.
            let place = Arc::clone(&self.places).acquire_owned();
            if let Ok(Ok(place)) = tokio::time::timeout(limits::ROOM_LOOK, place).await {
                return self.guest(place);
            }
        }
    }

    fn guest(self: &Arc<Self>, place: OwnedSemaphorePermit) -> Guest {
        let number = self.entered.fetch_add(1, Ordering::Relaxed);
        let client = Arc::new(Client {
            waited_for_since: AtomicU64::new(0),
            began: self.began,
            cut: CancellationToken::new(),
        });
        client.is_waited_for();
        self.clients().insert(number, Arc::clone(&client));
        Guest {
            number,
            client,
            room: Arc::clone(self),
            _place: place,
        }
    }

    fn cut_one(&self) {
        let clients = self.clients();
        let longest = clients
            .values()
            .filter(|client| !client.cut.is_cancelled())
            .filter_map(|client| {
                let since = client.waited_for_since.load(Ordering::Relaxed);
                (since > 0).then_some((since, client))
            })
            .min_by_key(|(since, _)| *since);
        if let Some((_, client)) = longest {
            client.cut.cancel();
        }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<u64, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in its place, which is given back when this is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    number: u64,
    client: Arc<Client>,
    room: Arc<Room>,
    _place: OwnedSemaphorePermit,
}

impl Guest {
    pub(super) fn client(&self) -> Arc<Client> {
        Arc::clone(&self.client)
    }

    /// Its place is wanted for somebody else.
    pub(super) async fn cut(&self) {
        self.client.cut.cancelled().await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.room.clients().remove(&self.number);
    }
}

/// Whether we wait for a client, and since when.
#[derive(Debug)]
pub(super) struct Client {
    /// Microseconds since the room began; 0 while a request is worked on or its answer written.
    waited_for_since: AtomicU64,
    began: Instant,
    cut: CancellationToken,
}

impl Client {
    /// Nothing goes on before it sends more.
    fn is_waited_for(&self) {
        let since = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.waited_for_since.store(since.max(1), Ordering::Relaxed);
    }

    /// What it sent is being worked on.
    pub(super) fn is_served(&self) {
        self.waited_for_since.store(0, Ordering::Relaxed);
    }
}

/// The body of a request: while more of it is awaited, so is its client.
#[derive(Debug)]
pub(super) struct Sent<B> {
    body: B,
    client: Arc<Client>,
    is_awaited: bool,
}

impl<B> Sent<B> {
    pub(super) fn new(body: B, client: Arc<Client>) -> Self {
        Self {
            body,
            client,
            is_awaited: false,
        }
    }
}

impl<B: HttpBody + Unpin> HttpBody for Sent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        // From its first wait on, however many drops come after it: what trickles in is no progress.
        match &frame {
            Poll::Pending if self.is_awaited => {}
            Poll::Pending => {
                self.is_awaited = true;
                self.client.is_waited_for();
            }
            Poll::Ready(None) => self.client.is_served(),
            Poll::Ready(Some(_)) => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Sent<B> {
    /// A handler that wants no more of it works all the same.
    fn drop(&mut self) {
        self.client.is_served();
    }
}

/// The body of an answer: once it is written its client is waited for again.
#[derive(Debug)]
pub(super) struct Answered {
    body: Body,
    client: Arc<Client>,
}

impl Answered {
    pub(super) fn new(body: Body, client: Arc<Client>) -> Self {
        Self { body, client }
    }
}

impl HttpBody for Answered {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.client.is_waited_for();
    }
}
