//! A way to the database that can be cut: at a chosen message of a writer, before or after it arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The message never arrives.
    Before,
    /// The message arrives; its answer does not.
    After,
}

/// A proxy in front of PostgreSQL.
pub struct Proxy {
    /// The port it listens on.
    pub port: u16,
    plan: Arc<Plan>,
}

/// What is to be cut: the message after so many of a writer's, once.
#[derive(Default)]
struct Plan {
    /// The number of messages to let pass, plus one; zero for no plan.
    left: AtomicUsize,
    before: std::sync::atomic::AtomicBool,
}

impl Proxy {
    /// Starts a proxy in front of the PostgreSQL of the run.
    pub async fn start(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let plan = Arc::new(Plan::default());
        let shared = plan.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, socket.clone(), shared.clone()));
            }
        });
        Self { port, plan }
    }

    /// Cuts the writer's next connection at a message.
    pub fn cut(&self, message: usize, how: Cut) {
        self.plan.before.store(how == Cut::Before, Ordering::SeqCst);
        self.plan.left.store(message, Ordering::SeqCst);
    }

    /// Whether the cut is still to come.
    pub fn is_armed(&self) -> bool {
        self.plan.left.load(Ordering::SeqCst) > 0
    }

    /// Lets everything pass.
    pub fn disarm(&self) {
        self.plan.left.store(0, Ordering::SeqCst);
    }
}

impl Plan {
    /// Counts a message; true when this is the one to cut at.
    fn is_due(&self) -> bool {
        let counted = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        counted == Ok(1)
    }
}

async fn serve(mut client: TcpStream, socket: String, plan: Arc<Plan>) {
    let Ok(mut server) = UnixStream::connect(&socket).await else { return };
    let mut writer = false;
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let message = &asked[..length];
                // The start-up message names the application.
                writer |= message.windows(12).any(|window| window == b"hilum writer");
                let due = writer && plan.is_due();
                if due && plan.before.load(Ordering::SeqCst) {
                    return;
                }
                if server.write_all(message).await.is_err() {
                    return;
                }
                if due {
                    // It arrives and is carried out; whoever asked never hears of it.
                    let _ = server.read(&mut answered).await;
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
