//! Counters whose first increase is worth an alarm. They are there from the start, at 0: whoever asks by how much one has
//! grown (`increase()` of Prometheus) would miss the first time of one that was not there before.

use crate::model::alert;

/// What comes of sign-ins, as far as it is known beforehand.
const SIGN_INS: [&str; 5] = ["granted", "access_denied", "temporarily_unavailable", "forged", "fault"];
/// What comes of telling an app of the end of a session.
const NOTICES: [&str; 5] = ["delivered", "again", "untried", "refused", "given_up"];

/// Has them begin. Those of revocation lists begin when a list is known.
pub fn begin() {
    for kind in alert::KINDS {
        metrics::counter!("hilum_alerts_total", "kind" => kind).increment(0);
    }
    for outcome in SIGN_INS {
        metrics::counter!("hilum_sign_in_total", "outcome" => outcome).increment(0);
    }
    for outcome in NOTICES {
        metrics::counter!("hilum_backchannel_logout_total", "outcome" => outcome).increment(0);
    }
    metrics::counter!("hilum_ocsp_failures_total").increment(0);
}
