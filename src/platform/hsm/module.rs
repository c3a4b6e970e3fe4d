//! The library and its token: opened once for the whole process, opened anew when it has lost everything.
//!
//! PKCS#11 forbids to end a library while any thread is inside of it (C_Finalize), and a session of a library that
//! was ended may have the handle of one of its successor's. So each call is made inside of the gate, each session
//! knows the generation of the library that it belongs to, and a library is ended only when nobody is inside.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::error::{Asked, HsmError};
use crate::config::hsm::Hsm as Rules;
use crate::jose::thumbprint::sha256;

/// How long nothing is done about a library that has lost everything after it was opened anew.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(1);
/// How long it is not opened anew again for a key that it does not show: the key may be gone for good.
const BETWEEN_RENEWALS_FOR_A_KEY: Duration = Duration::from_mins(1);
/// The longest PIN that is read.
const LONGEST_PIN: usize = 256;

/// The library.
pub(super) struct Module {
    rules: Rules,
    gate: Mutex<Gate>,
    changed: Condvar,
}

#[derive(Default)]
struct Gate {
    library: Option<Pkcs11>,
    /// Counts how often the library was opened.
    generation: u64,
    /// How many threads are inside of the library.
    inside: usize,
    /// Whether one thread has it for itself, or waits for that.
    alone: bool,
    /// Whether sessions that were just opened failed: the library is to be opened anew.
    suspect: bool,
    /// When it was last to be opened anew for a key that it did not show.
    missed_key: Option<Instant>,
    renewed: Option<Instant>,
    /// Whether one thread is logging in.
    logging_in: bool,
    /// The digest of the PIN that was refused.
    refused_pin: Option<[u8; 32]>,
    /// The digest of the PIN that was taken.
    taken_pin: Option<[u8; 32]>,
}

/// The leave to call the library. While there is one, the library is not ended.
pub(super) struct Inside<'a> {
    module: &'a Module,
    pub(super) library: Pkcs11,
    pub(super) generation: u64,
}

/// The turn to log in. While there is one, no other thread tries the PIN.
struct Turn<'a>(&'a Module);

/// A session that is logged in.
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) slot: Slot,
    pub(super) generation: u64,
}

impl Module {
    pub(super) fn new(rules: Rules) -> Arc<Self> {
        Arc::new(Self { rules, gate: Mutex::default(), changed: Condvar::new() })
    }

    /// Waits while another thread has the library for itself.
    pub(super) fn enter(&self) -> Result<Inside<'_>, HsmError> {
        let (mut gate, waited) = self
            .changed
            .wait_timeout_while(self.lock(), self.rules.timeout, |gate| gate.alone)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(HsmError::Silent);
        }
        let library = gate.library.clone().ok_or(HsmError::Closed)?;
        gate.inside += 1;
        Ok(Inside { module: self, library, generation: gate.generation })
    }

    /// Opens a session and logs in, in a library that is opened anew where that may help.
    pub(super) fn open(&self) -> Result<Opened, HsmError> {
        let (generation, suspect) = {
            let gate = self.lock();
            (gate.generation, gate.suspect)
        };
        if suspect {
            self.renew(generation)?;
        }
        match self.open_in_this_library() {
            Err(error) if error.is_lost() && self.renew(generation)? => self.open_in_this_library(),
            outcome => outcome,
        }
    }

    /// Notes that even a new session of a generation failed, and with what.
    pub(super) fn suspect(&self, generation: u64, error: &HsmError) {
        let mut gate = self.lock();
        if gate.generation != generation {
            return;
        }
        if matches!(error, HsmError::NoKey(_)) {
            if gate.missed_key.is_some_and(|at| at.elapsed() < BETWEEN_RENEWALS_FOR_A_KEY) {
                return;
            }
            gate.missed_key = Some(Instant::now());
        }
        gate.suspect = true;
    }

    fn open_in_this_library(&self) -> Result<Opened, HsmError> {
        let inside = self.enter()?;
        let slot = self.find_token(&inside.library)?;
        // Closed by hand: see above. It may write, so that making a key needs no session more.
        let session = match inside.library.open_rw_session_no_drop(slot) {
            Err(Error::Pkcs11(RvError::TokenWriteProtected, _)) => {
                inside.library.open_ro_session_no_drop(slot)
            }
            opened => opened,
        };
        let session = session.asked("to open a session")?;
        if let Err(error) = self.log_in(&inside.library, &session, slot) {
            // Nothing more can be done with it.
            drop(session.close());
            return Err(error);
        }
        Ok(Opened { session, slot, generation: inside.generation })
    }

    fn find_token(&self, library: &Pkcs11) -> Result<Slot, HsmError> {
        let slots = library.get_slots_with_token().asked("which tokens there are")?;
        // A slot whose token cannot be read has another, or none.
        let named = slots.into_iter().filter_map(|slot| Some((slot, library.get_token_info(slot).ok()?)));
        let (mut found, mut others) = (Vec::new(), Vec::new());
        for (slot, token) in named.filter(|(_, token)| token.token_initialized()) {
            if token.label().trim_end() == self.rules.token {
                found.push((slot, token.user_pin_locked()));
            } else {
                others.push(format!("\"{}\"", token.label().trim_end()));
            }
        }
        match found.as_slice() {
            [(_, true)] => Err(HsmError::PinLocked),
            [(slot, false)] => Ok(*slot),
            [] => {
                let shown = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
                Err(HsmError::NoToken { label: self.rules.token.clone(), shown })
            }
            [_, _, ..] => Err(HsmError::SeveralTokens(self.rules.token.clone())),
        }
    }

    /// Logs in. All sessions of a process share that, so most find it done. One at a time, so that a wrong PIN costs
    /// one try and not one for each session.
    fn log_in(&self, library: &Pkcs11, session: &Session, slot: Slot) -> Result<(), HsmError> {
        let _turn = self.await_turn()?;
        let pin = self.read_pin()?;
        let digest = Some(sha256(pin.as_bytes()));
        let (was_refused, was_taken) = {
            let gate = self.lock();
            (gate.refused_pin == digest, gate.taken_pin == digest)
        };
        if was_refused {
            return Err(HsmError::WrongPin);
        }
        if !was_taken && !is_logged_in(session)? {
            let token = library.get_token_info(slot).asked("about itself")?;
            if token.user_pin_final_try() {
                return Err(HsmError::LastTry);
            }
        }
        match session.login(UserType::User, Some(&AuthPin::from(pin.as_str().to_owned()))) {
            Ok(()) => {
                self.lock().taken_pin = digest;
                Ok(())
            }
            // It says nothing of the PIN.
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            failed @ Err(_) => {
                let failed = failed.asked("to log in");
                if matches!(failed, Err(HsmError::WrongPin)) {
                    let mut gate = self.lock();
                    (gate.refused_pin, gate.taken_pin) = (digest, None);
                }
                failed
            }
        }
    }

    /// Waits while another thread logs in.
    fn await_turn(&self) -> Result<Turn<'_>, HsmError> {
        let (mut gate, waited) = self
            .changed
            .wait_timeout_while(self.lock(), self.rules.timeout, |gate| gate.logging_in)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(HsmError::Silent);
        }
        gate.logging_in = true;
        Ok(Turn(self))
    }

    /// Read each time, so that a changed PIN needs no new start.
    fn read_pin(&self) -> Result<Zeroizing<String>, HsmError> {
        let text = std::fs::read_to_string(&self.rules.pin_file).map(Zeroizing::new);
        let text = text.map_err(|error| HsmError::PinFile(error.to_string()))?;
        let pin = text.trim_end_matches(['\r', '\n']);
        if pin.is_empty() || pin.len() > LONGEST_PIN {
            return Err(HsmError::PinFile(format!("give 1 to {LONGEST_PIN} characters on one line")));
        }
        Ok(Zeroizing::new(pin.to_owned()))
    }

    /// Opens the library anew, unless that has been done since a generation was seen; `false` when it was done a
    /// moment ago and did not help.
    fn renew(&self, seen: u64) -> Result<bool, HsmError> {
        let gate = self.lock();
        if gate.generation != seen || gate.alone {
            // Whoever enters now waits for the other thread.
            return Ok(true);
        }
        if gate.renewed.is_some_and(|at| at.elapsed() < BETWEEN_RENEWALS) {
            return Ok(false);
        }
        let mut gate = self.take_alone(gate)?;
        let before = gate.library.take();
        // The lock is not held while the library works, so that whoever has no time to wait need not.
        drop(gate);
        let (library, outcome) = reopen(before, &self.rules);
        gate = self.lock();
        gate.library = library;
        gate.alone = false;
        gate.renewed = Some(Instant::now());
        if outcome.is_ok() {
            gate.generation += 1;
            gate.suspect = false;
        }
        drop(gate);
        self.changed.notify_all();
        outcome.map(|()| true)
    }

    /// Waits until nobody is inside.
    fn take_alone<'a>(&'a self, mut gate: MutexGuard<'a, Gate>) -> Result<MutexGuard<'a, Gate>, HsmError> {
        gate.alone = true;
        let (mut gate, waited) = self
            .changed
            .wait_timeout_while(gate, self.rules.timeout, |gate| gate.inside > 0)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            gate.alone = false;
            // Whoever hangs inside keeps the others from it, and they do not wait for that again and again.
            gate.renewed = Some(Instant::now());
            drop(gate);
            self.changed.notify_all();
            return Err(HsmError::Silent);
        }
        Ok(gate)
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut gate = self.module.lock();
        gate.inside -= 1;
        let awaited = gate.alone;
        drop(gate);
        if awaited {
            self.module.changed.notify_all();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().logging_in = false;
        self.0.changed.notify_all();
    }
}

/// Whether the process is logged in already, so that no try is spent.
fn is_logged_in(session: &Session) -> Result<bool, HsmError> {
    let state = session.get_session_info().asked("how a session is")?.session_state();
    Ok(matches!(state, SessionState::RoUser | SessionState::RwUser))
}

/// Ends the library, if it was open, and begins it. One that does not begin is kept, to be begun later.
fn reopen(before: Option<Pkcs11>, rules: &Rules) -> (Option<Pkcs11>, Result<(), HsmError>) {
    let library = match before {
        Some(library) => {
            // One that was ended already says so.
            drop(library.clone().finalize());
            library
        }
        None => match Pkcs11::new(&rules.module_file) {
            Ok(library) => library,
            Err(error) => {
                let (file, why) = (rules.module_file.clone(), error.to_string());
                return (None, Err(HsmError::Module { file, why }));
            }
        },
    };
    let begun = match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(HsmError::Initialize(error.to_string())),
    };
    (Some(library), begun)
}
