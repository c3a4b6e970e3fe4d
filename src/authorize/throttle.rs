//! What attempts to sign in are counted under.

use std::net::IpAddr;

use crate::jose::thumbprint::sha256;
use crate::model::attempts::{Attempts, Of};
use crate::model::person::Person;
use crate::moment::Timestamp;

/// From all places that an account does not know.
const EVERYWHERE: &str = "all places";

/// Under what a name is counted that is nobody's. Typed in whatever letter case, it is one name.
pub(super) fn nobody(username: &str) -> [u8; 32] {
    labelled("nobody", &[username.to_ascii_lowercase().as_bytes()])
}

/// Who is counted, and whose a device is: the person until something ends all that they have begun, such as a
/// reset, from which on they are counted anew.
pub(super) fn owner(person: &Person) -> [u8; 32] {
    let since = person.not_before.unix_timestamp_nanos().to_be_bytes();
    labelled("person", &[person.subject.as_bytes(), &since])
}

/// The counts of one attempt. From a device that the account knows it is one of its own, so that nothing that
/// strangers do holds it. From elsewhere there are three: of the account from its network, of the account from
/// all places that it does not know, and of the network over all accounts.
pub(super) fn counts(account: &[u8; 32], device: Option<[u8; 16]>, network: Option<IpAddr>) -> Vec<Attempts> {
    if let Some(device) = device {
        return vec![Attempts::none(Of::Device, labelled("device", &[account, &device]))];
    }
    let network = network.map(|address| address.to_string()).unwrap_or_default();
    vec![
        Attempts::none(Of::Place, labelled("place", &[account, network.as_bytes()])),
        Attempts::none(Of::Account, labelled(EVERYWHERE, &[account])),
        Attempts::none(Of::Network, labelled("network", &[network.as_bytes()])),
    ]
}

/// The counts of one attempt to enter the code of a device: of the browser, and of the network over all browsers.
pub(super) fn counts_of_codes(browser: &[u8; 32], network: Option<IpAddr>) -> Vec<Attempts> {
    let network = network.map(|address| address.to_string()).unwrap_or_default();
    vec![
        Attempts::none(Of::Place, labelled("user codes of a browser", &[browser])),
        Attempts::none(Of::Network, labelled("user codes of a network", &[network.as_bytes()])),
    ]
}

/// Until when there may be no attempt, if not now.
pub(super) fn held_until(counts: &[Attempts], now: Timestamp) -> Option<Timestamp> {
    counts.iter().filter_map(|count| count.clone().reserve(now).err()).max()
}

fn labelled(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut text = [b"sign-in: ", label.as_bytes(), b"\0"].concat();
    for part in parts {
        text.extend_from_slice(part);
    }
    sha256(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(counts: &[Attempts]) -> Vec<(Of, [u8; 32])> {
        counts.iter().map(|count| (count.of, count.key)).collect()
    }

    #[test]
    fn l17_a_known_device_is_not_held_by_what_strangers_do_to_the_account() {
        let account = nobody("dr.adams");
        let network = Some(IpAddr::from([10, 0, 0, 0]));
        let (stranger, known) = (counts(&account, None, network), counts(&account, Some([1; 16]), network));
        assert!(keys(&stranger).iter().all(|key| !keys(&known).contains(key)));
        assert_eq!(known.iter().map(|count| count.of).collect::<Vec<_>>(), [Of::Device]);
        assert_ne!(keys(&known), keys(&counts(&account, Some([2; 16]), network)));
    }

    #[test]
    fn l04_one_account_is_one_count_however_it_is_typed_and_wherever_from() {
        assert_eq!(nobody("Dr.Adams"), nobody("dr.adams"));
        assert_ne!(nobody("dr.adams"), nobody("dr.adams "));
        let all = |peer: [u8; 4]| keys(&counts(&nobody("a"), None, Some(IpAddr::from(peer))));
        let (one, other) = (all([10, 0, 0, 0]), all([10, 0, 1, 0]));
        let shared: Vec<_> = one.into_iter().filter(|key| other.contains(key)).map(|(of, _)| of).collect();
        assert_eq!(shared, [Of::Account]);
    }
}
