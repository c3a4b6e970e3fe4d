//! Where names lead. A connection is made to the very addresses that were judged here, so that a
//! name cannot lead elsewhere in between (DNS rebinding).

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::address::is_public;

/// Look-ups at a time. One that was given up goes on in a thread until the system's resolver ends
/// it, so it keeps its place till then.
const LOOK_UPS: usize = 64;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A name that leads to an address that is not public.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub(super) struct NotPublic;

/// Names that lead to public addresses alone.
pub(super) struct PublicAddresses(Arc<Semaphore>);

/// Names that may lead anywhere.
pub(super) struct AnyAddress(Arc<Semaphore>);

impl Default for PublicAddresses {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOK_UPS)))
    }
}

impl Default for AnyAddress {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOK_UPS)))
    }
}

impl Resolve for PublicAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        let places = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = look_up(places, name).await?;
            // One private address among public ones is a trap, not a mistake.
            if addresses.iter().any(|address| !is_public(address.ip())) {
                return Err(NotPublic.into());
            }
            Ok(boxed(addresses))
        })
    }
}

impl Resolve for AnyAddress {
    fn resolve(&self, name: Name) -> Resolving {
        let places = Arc::clone(&self.0);
        Box::pin(async move { look_up(places, name).await.map(boxed) })
    }
}

fn boxed(addresses: Vec<SocketAddr>) -> Addrs {
    Box::new(addresses.into_iter())
}

async fn look_up(places: Arc<Semaphore>, name: Name) -> Result<Vec<SocketAddr>, Failure> {
    let place = places.acquire_owned().await?;
    let looking = tokio::spawn(async move {
        let _place = place;
        tokio::net::lookup_host((name.as_str(), 0)).await.map(Iterator::collect)
    });
    Ok(looking.await??)
}
