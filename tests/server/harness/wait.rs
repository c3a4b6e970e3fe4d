//! Waiting for what the server does in its own time: asked again and again until a deadline.

use std::future::Future;
use std::time::Duration;

/// Asks until the answer is there; panics with what was waited for when it never is.
pub async fn eventually<T, F>(what: &str, most: Duration, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let asked = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(most, asked).await.unwrap_or_else(|_| panic!("not in {most:?}: {what}"))
}
