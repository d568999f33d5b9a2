//! Meta's API as the simulator plays it, with a note of every call, and a hand on single answers.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
};

use chassis::SecretString;
use domain::ids::{GroupId, PhoneNumberId, Second};
use reconciler::upstream::{Answer, Info, JoinRequestPage, Meta, Page, Read, Refused};
use tokio::{sync::watch, task::AbortHandle};

/// A call that was answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The group that was read; none for a page of the list.
    pub(crate) group_id: Option<GroupId>,
    pub(crate) t0: Second,
    pub(crate) refused: Option<Refused>,
}

#[derive(Clone)]
pub(crate) struct Watched {
    meta: Meta,
    calls: Arc<Mutex<Vec<Call>>>,
    under_way: watch::Sender<usize>,
    /// Groups whose info is answered so, whatever the simulator says.
    refused: Arc<Mutex<BTreeMap<GroupId, Refused>>>,
    /// Pages of the list are not answered while this is shut.
    is_list_shut: watch::Sender<bool>,
    /// The list is answered as of a number without groups.
    is_list_empty: watch::Sender<bool>,
    /// Who is killed, and at which call.
    death: Arc<Mutex<Death>>,
}

/// When the reconciler is to be killed.
#[derive(Debug, Default)]
struct Death {
    victim: Option<AbortHandle>,
    /// Calls until then; 0 is never.
    calls: usize,
    /// Is that call answered before? Then what it brought is known and nothing is appended yet.
    is_answered: bool,
}

impl Watched {
    pub(crate) fn new(meta: Meta) -> Self {
        Self {
            meta,
            calls: Arc::default(),
            under_way: watch::channel(0).0,
            refused: Arc::default(),
            is_list_shut: watch::channel(false).0,
            is_list_empty: watch::channel(false).0,
            death: Arc::default(),
        }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(crate) fn refuse(&self, group_id: &GroupId, refused: Refused) {
        let mut all = self.refused.lock().unwrap();
        all.insert(group_id.clone(), refused);
    }

    pub(crate) fn shut_list(&self, is_shut: bool) {
        self.is_list_shut.send_replace(is_shut);
    }

    /// Who is killed, if anybody is.
    pub(crate) fn victim(&self, victim: AbortHandle) {
        self.death.lock().unwrap().victim = Some(victim);
    }

    /// Kills the reconciler at the n-th call from now, before it is answered or right after.
    pub(crate) fn kill_at(&self, calls: usize, is_answered: bool) {
        let mut death = self.death.lock().unwrap();
        (death.calls, death.is_answered) = (calls, is_answered);
    }

    /// Nobody is killed any more.
    pub(crate) fn revive(&self) {
        self.death.lock().unwrap().calls = 0;
    }

    /// Counts a call towards the killing; says whether it is the one.
    fn is_last(&self) -> Option<(AbortHandle, bool)> {
        let mut death = self.death.lock().unwrap();
        if death.calls == 0 {
            return None;
        }
        death.calls -= 1;
        if death.calls > 0 {
            return None;
        }
        Some((death.victim.clone()?, death.is_answered))
    }

    pub(crate) fn hide_list(&self, is_hidden: bool) {
        self.is_list_empty.send_replace(is_hidden);
    }

    /// Waits until no call is under way.
    pub(crate) async fn idle(&self) {
        let mut under_way = self.under_way.subscribe();
        under_way.wait_for(|calls| *calls == 0).await.unwrap();
    }

    /// Calls under way.
    pub(crate) fn under_way(&self) -> usize {
        *self.under_way.borrow()
    }

    async fn watch<T>(
        &self,
        group_id: Option<&GroupId>,
        call: impl Future<Output = Answer<T>>,
    ) -> Answer<T> {
        let under_way = UnderWay::begin(&self.under_way);
        let last = self.is_last();
        if let Some((victim, false)) = &last {
            victim.abort();
            std::future::pending::<()>().await;
        }
        let answer = call.await;
        if let Some((victim, true)) = &last {
            victim.abort();
        }
        self.calls.lock().unwrap().push(Call {
            group_id: group_id.cloned(),
            t0: answer.t0,
            refused: answer.result.as_ref().err().copied(),
        });
        drop(under_way);
        answer
    }
}

/// Counts a call as under way, also if it is dropped half-way.
struct UnderWay<'a>(&'a watch::Sender<usize>);

impl<'a> UnderWay<'a> {
    fn begin(calls: &'a watch::Sender<usize>) -> Self {
        calls.send_modify(|calls| *calls += 1);
        Self(calls)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}

impl Read for Watched {
    fn present(&self, token: &SecretString) -> Result<(), graph::api::ConfigError> {
        self.meta.present(token)
    }

    fn client(&self) -> Option<graph::api::Client> {
        Some(self.meta.client())
    }

    async fn list(&self, number: &PhoneNumberId, after: Option<&str>) -> Answer<Page> {
        let call = async {
            let mut is_shut = self.is_list_shut.subscribe();
            is_shut.wait_for(|is_shut| !is_shut).await.unwrap();
            let mut answer = self.meta.list(number, after).await;
            if *self.is_list_empty.borrow() {
                answer.result = answer.result.map(|_| Page::default());
            }
            answer
        };
        self.watch(None, call).await
    }

    async fn group(&self, group_id: &GroupId) -> Answer<Info> {
        let call = async {
            let mut answer = self.meta.group(group_id).await;
            if let Some(refused) = self.refused.lock().unwrap().get(group_id) {
                answer.result = Err(*refused);
            }
            answer
        };
        self.watch(Some(group_id), call).await
    }

    async fn join_requests(
        &self,
        group_id: &GroupId,
        after: Option<&str>,
    ) -> Answer<JoinRequestPage> {
        let call = self.meta.join_requests(group_id, after);
        self.watch(Some(group_id), call).await
    }
}
