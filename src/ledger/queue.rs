//! The way from a request to a writer. A job that has begun is finished whoever still waits for it;
//! one that has not is withdrawn when nobody does.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use crate::protocol::error::Fault;

use super::writer::Writer;

/// How many jobs may wait; more are told to come again.
const CAPACITY: usize = 2048;
/// How long a job may wait to begin.
const PATIENCE: Duration = Duration::from_secs(3);

type Job = Box<dyn FnOnce(Writer) -> Pin<Box<dyn Future<Output = Writer> + Send>> + Send>;

/// How much waits to be written.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    /// The jobs that wait.
    pub waiting: usize,
}

/// The queue in front of the writers.
#[derive(Clone)]
pub(super) struct Queue {
    sender: mpsc::Sender<Job>,
}

/// The end of the queue at which a writer serves.
pub(super) struct Receiver(Arc<Mutex<mpsc::Receiver<Job>>>);

impl Queue {
    /// Opens a queue and spawns a task for each writer.
    pub(super) fn open<F>(writers: usize, serve: impl Fn(Receiver) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..writers.max(1) {
            tokio::spawn(serve(Receiver(receiver.clone())));
        }
        Self { sender }
    }

    /// Has a writer do the work, and waits for it.
    pub(super) async fn perform<T, F, Fut>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(Writer) -> Fut + Send + 'static,
        Fut: Future<Output = (Writer, T)> + Send,
    {
        let (answer, mut answered) = oneshot::channel();
        let ticket = Ticket(Arc::new(AtomicBool::new(false)));
        let begun = ticket.0.clone();
        let job: Job = Box::new(move |writer| {
            Box::pin(async move {
                if begun.swap(true, Ordering::SeqCst) {
                    return writer;
                }
                let (writer, value) = work(writer).await;
                // Nobody may be waiting any more; the work is done all the same.
                drop(answer.send(value));
                writer
            })
        });
        self.sender
            .try_send(job)
            .map_err(|_| Fault::overload("waiting for a writer", "too much waits to be written"))?;
        if let Ok(value) = timeout(PATIENCE, &mut answered).await {
            return value.map_err(|_| Fault::new("waiting for a writer", "the writer ended"));
        }
        if ticket.withdraw() {
            return Err(Fault::overload("waiting for a writer", "no writer was free in time"));
        }
        answered.await.map_err(|_| Fault::new("waiting for a writer", "the writer ended"))
    }

    pub(super) fn backlog(&self) -> Backlog {
        Backlog { waiting: CAPACITY.saturating_sub(self.sender.capacity()) }
    }
}

/// The right to begin a job: the writer takes it, or whoever asked withdraws it, also by going away.
struct Ticket(Arc<AtomicBool>);

impl Ticket {
    /// Takes the job back; true when it had not begun.
    fn withdraw(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl Receiver {
    /// Does one job after another until the queue is closed and empty. A job that panics takes its
    /// connection with it, and so its transaction, but not the writer.
    pub(super) async fn serve(self, make: impl Fn() -> Writer) {
        let mut writer = make();
        loop {
            let next = self.0.lock().await.recv().await;
            let Some(job) = next else { return };
            writer = AssertUnwindSafe(job(writer)).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!(
                    "a writer panicked; its transaction is rolled back and another writer takes its place"
                );
                make()
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn o10_a_job_that_panics_fails_alone() {
        let options =
            "postgres://nobody@localhost:1/none".parse::<sqlx::postgres::PgConnectOptions>().unwrap();
        let queue = Queue::open(1, |receiver| {
            let options = options.clone();
            receiver.serve(move || Writer::new(options.clone()))
        });
        let panicked: Result<(), Fault> = queue.perform(|_| async { panic!("on purpose") }).await;
        assert!(panicked.is_err());
        assert_eq!(queue.perform(|writer| async { (writer, 7) }).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_job_that_has_not_begun_is_withdrawn_when_nobody_waits_and_one_that_has_is_finished() {
        let options =
            "postgres://nobody@localhost:1/none".parse::<sqlx::postgres::PgConnectOptions>().unwrap();
        let queue = Queue::open(1, |receiver| {
            let options = options.clone();
            receiver.serve(move || Writer::new(options.clone()))
        });
        let (release, held) = oneshot::channel::<()>();
        let done = Arc::new(AtomicBool::new(false));
        let (begun, finished) = (Arc::new(tokio::sync::Notify::new()), done.clone());
        let (starts, waits) = (begun.clone(), queue.clone());
        let first = tokio::spawn(async move {
            let job = move |writer| async move {
                starts.notify_one();
                held.await.ok();
                finished.store(true, Ordering::SeqCst);
                (writer, ())
            };
            waits.perform(job).await
        });
        begun.notified().await;
        let never = Arc::new(AtomicBool::new(false));
        let (flag, waits) = (never.clone(), queue.clone());
        let second = tokio::spawn(async move {
            let job = move |writer| async move {
                flag.store(true, Ordering::SeqCst);
                (writer, ())
            };
            waits.perform(job).await
        });
        while queue.backlog().waiting == 0 {
            tokio::task::yield_now().await;
        }
        first.abort();
        second.abort();
        drop((first.await, second.await));
        release.send(()).ok();
        queue.perform(|writer| async { (writer, ()) }).await.unwrap();
        assert!(done.load(Ordering::SeqCst), "what had begun is finished");
        assert!(!never.load(Ordering::SeqCst), "what had not is withdrawn");
    }
}
