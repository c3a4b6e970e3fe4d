//! The sessions: each has a thread of its own, which does one operation after the other. A library that hangs holds
//! those threads and no other; whoever waits is told so in time.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use cryptoki::context::Pkcs11;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::KeyId;
use super::error::HsmError;
use super::module::{Module, Opened};
use crate::config::hsm::Hsm as Rules;

/// How many may wait for each session: some tenths of a second of a fast token.
const WAITING_FOR_EACH_SESSION: usize = 64;
/// How long fewer threads do after the token gave no session more: others may hold them for a while.
const SHORTAGE: Duration = Duration::from_mins(1);
/// How long the threads are waited for at the end.
const LAST: Duration = Duration::from_secs(1);

/// The threads and what waits for them. When it is dropped, the threads end.
pub(super) struct Pool(Arc<Shared>);

struct Shared {
    module: Arc<Module>,
    queue: Mutex<Queue>,
    filled: Condvar,
}

struct Queue {
    tasks: VecDeque<Task>,
    /// How many threads there are to be, if the token has as many sessions.
    wanted: usize,
    /// How many threads there may be.
    most: usize,
    /// When the token gave no session more.
    short: Option<Instant>,
    threads: usize,
    idle: usize,
    /// When a thread last took a task, or began.
    taken: Option<Instant>,
    over: bool,
}

type Task = Box<dyn FnOnce(&mut Worker) + Send>;

/// A session as an operation sees it.
pub(super) struct Seat<'a> {
    library: &'a Pkcs11,
    opened: &'a Opened,
    found: &'a mut HashMap<(What, KeyId), ObjectHandle>,
    /// When nobody waits for the operation any more.
    pub(super) deadline: Instant,
}

/// What is looked for under an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum What {
    Private,
    Public,
    Secret,
}

/// A thread with its session.
struct Worker {
    module: Arc<Module>,
    seated: Option<Seated>,
}

struct Seated {
    opened: Opened,
    /// Handles that this session has found.
    found: HashMap<(What, KeyId), ObjectHandle>,
}

impl Pool {
    pub(super) fn new(rules: &Rules) -> Self {
        Self(Arc::new(Shared {
            module: Module::new(rules.clone()),
            queue: Mutex::new(Queue {
                tasks: VecDeque::new(),
                wanted: rules.sessions,
                most: rules.sessions,
                short: None,
                threads: 0,
                idle: 0,
                taken: None,
                over: false,
            }),
            filled: Condvar::new(),
        }))
    }

    /// Has an operation done and waits for it without a thread.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl Fn(&mut Seat<'_>) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, HsmError> {
        let (sender, receiver) = oneshot::channel();
        self.submit(patience, work, move |outcome| drop(sender.send(outcome)))?;
        match tokio::time::timeout(patience, receiver).await {
            Ok(Ok(outcome)) => outcome,
            // A thread that was lost with its task answers nobody.
            Ok(Err(_)) | Err(_) => Err(HsmError::Silent),
        }
    }

    /// Has an operation done and holds the calling thread meanwhile.
    pub(super) fn ask_here<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl Fn(&mut Seat<'_>) -> Result<T, HsmError> + Send + 'static,
    ) -> Result<T, HsmError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.submit(patience, work, move |outcome| drop(sender.send(outcome)))?;
        receiver.recv_timeout(patience).unwrap_or(Err(HsmError::Silent))
    }

    /// Has an operation done for whose outcome nobody waits.
    pub(super) fn tell(
        &self,
        patience: Duration,
        work: impl Fn(&mut Seat<'_>) -> Result<(), HsmError> + Send + 'static,
    ) -> Result<(), HsmError> {
        self.submit(patience, work, drop)
    }

    /// Whether every thread there may be has been with one task for so long.
    pub(super) fn hangs(&self, so_long: Duration) -> bool {
        let queue = self.0.lock();
        let is_full = queue.threads >= queue.most && queue.idle == 0;
        is_full && queue.taken.is_some_and(|at| at.elapsed() > so_long)
    }

    fn submit<T: 'static>(
        &self,
        patience: Duration,
        work: impl Fn(&mut Seat<'_>) -> Result<T, HsmError> + Send + 'static,
        answer: impl FnOnce(Result<T, HsmError>) + Send + 'static,
    ) -> Result<(), HsmError> {
        let deadline = Instant::now() + patience;
        self.push(Box::new(move |worker| answer(worker.perform(deadline, &work))))
    }

    fn push(&self, task: Task) -> Result<(), HsmError> {
        let mut queue = self.0.lock();
        if queue.short.is_some_and(|since| since.elapsed() >= SHORTAGE) {
            (queue.most, queue.short) = (queue.wanted, None);
        }
        if queue.tasks.len() >= queue.most * WAITING_FOR_EACH_SESSION {
            return Err(HsmError::Busy);
        }
        queue.tasks.push_back(task);
        // Sessions are opened as they are needed: a command of the terminal needs one.
        if queue.tasks.len() > queue.idle && queue.threads < queue.most {
            queue.threads += 1;
            queue.taken = Some(Instant::now());
            let shared = self.0.clone();
            let named = thread::Builder::new().name("hsm".to_owned());
            if let Err(error) = named.spawn(move || shared.work()) {
                queue.threads -= 1;
                tracing::error!(%error, "a thread for the HSM could not be started");
            }
        }
        drop(queue);
        self.0.filled.notify_one();
        Ok(())
    }
}

impl Drop for Pool {
    /// Waits for what is left to do, such as removing a key, since the process may be about to end.
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.over = true;
        self.0.filled.notify_all();
        drop(self.0.filled.wait_timeout_while(queue, LAST, |queue| queue.threads > 0));
    }
}

impl Shared {
    fn work(self: Arc<Self>) {
        let _counted = Counted(self.clone());
        let mut worker = Worker { module: self.module.clone(), seated: None };
        // The first one's task is told what is wrong.
        let is_further = self.lock().threads > 1;
        if is_further && matches!(worker.sit(), Err(HsmError::NoMoreSessions)) && self.does_with_less() {
            return;
        }
        while let Some(task) = self.next() {
            task(&mut worker);
        }
        worker.leave();
    }

    /// Notes that the token gives no session to one more thread; `false` for the only thread there is.
    fn does_with_less(&self) -> bool {
        let mut queue = self.lock();
        let others = queue.threads - 1;
        if others > 0 {
            tracing::warn!(sessions = others, "the HSM gives fewer sessions than hsm.sessions");
            (queue.most, queue.short) = (others, Some(Instant::now()));
        }
        others > 0
    }

    fn next(&self) -> Option<Task> {
        let mut queue = self.lock();
        loop {
            if let Some(task) = queue.tasks.pop_front() {
                queue.taken = Some(Instant::now());
                return Some(task);
            }
            if queue.over {
                return None;
            }
            queue.idle += 1;
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a thread until it ends, however it ends.
struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.lock().threads -= 1;
        self.0.filled.notify_all();
    }
}

impl Worker {
    /// Does an operation; once more on a new session when the first was lost.
    fn perform<T>(
        &mut self,
        deadline: Instant,
        work: &impl Fn(&mut Seat<'_>) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        let mut was_new = self.seated.is_none();
        loop {
            if Instant::now() >= deadline {
                return Err(HsmError::Silent);
            }
            match self.perform_once(deadline, work) {
                Err(error) if error.is_lost() => {
                    let generation = self.leave();
                    if was_new {
                        self.module.suspect(generation, &error);
                        return Err(error);
                    }
                    tracing::warn!(%error, "a session of the HSM was lost: trying another");
                    was_new = true;
                }
                outcome => return outcome,
            }
        }
    }

    fn perform_once<T>(
        &mut self,
        deadline: Instant,
        work: &impl Fn(&mut Seat<'_>) -> Result<T, HsmError>,
    ) -> Result<T, HsmError> {
        self.sit()?;
        let inside = self.module.enter()?;
        let Some(Seated { opened, found }) = &mut self.seated else { return Err(HsmError::Closed) };
        if inside.generation != opened.generation {
            return Err(HsmError::Closed);
        }
        work(&mut Seat { library: &inside.library, opened, found, deadline })
    }

    /// Opens a session where there is none.
    fn sit(&mut self) -> Result<(), HsmError> {
        if self.seated.is_none() {
            self.seated = Some(Seated { opened: self.module.open()?, found: HashMap::new() });
        }
        Ok(())
    }

    /// Gives the session up; the generation that it belonged to.
    fn leave(&mut self) -> u64 {
        let Some(Seated { opened, .. }) = self.seated.take() else { return 0 };
        if let Ok(inside) = self.module.enter()
            && inside.generation == opened.generation
        {
            // A lost session may not be there to be closed.
            drop(opened.session.close());
        }
        opened.generation
    }
}

impl Seat<'_> {
    pub(super) const fn session(&self) -> &Session {
        &self.opened.session
    }

    pub(super) const fn library(&self) -> &Pkcs11 {
        self.library
    }

    pub(super) const fn slot(&self) -> Slot {
        self.opened.slot
    }

    /// Looks a key up anew when it is used next.
    pub(super) fn forget(&mut self, id: &KeyId) {
        self.found.retain(|(_, known), _| known != id);
    }

    /// The handle of a key, looked for once in each session.
    pub(super) fn find(
        &mut self,
        what: What,
        id: &KeyId,
        look: impl FnOnce(&Session) -> Result<Option<ObjectHandle>, HsmError>,
    ) -> Result<ObjectHandle, HsmError> {
        if let Some(handle) = self.found.get(&(what, id.clone())) {
            return Ok(*handle);
        }
        let handle = look(&self.opened.session)?.ok_or_else(|| HsmError::NoKey(id.to_string()))?;
        self.found.insert((what, id.clone()), handle);
        Ok(handle)
    }
}
