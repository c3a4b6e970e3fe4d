//! What can go wrong with a token, in words.

use std::path::PathBuf;

use cryptoki::error::{Error, RvError};

use crate::protocol::error::Fault;

/// Why a token did not do what it was asked for. It is for the log and the terminal: a PIN is never in it.
#[derive(Debug, thiserror::Error)]
pub enum HsmError {
    /// The library cannot be loaded.
    #[error("the PKCS#11 module {} cannot be loaded: {why}", .file.display())]
    Module {
        /// The file.
        file: PathBuf,
        /// What the linker said.
        why: String,
    },
    /// The library does not begin.
    #[error("the PKCS#11 module cannot be initialized: {0}")]
    Initialize(String),
    /// The library has not been opened yet, or was closed.
    #[error("the PKCS#11 module is not open")]
    Closed,
    /// There is no such token.
    #[error("there is no token with the label \"{label}\" (hsm.token); the module shows {shown}")]
    NoToken {
        /// The label that was asked for.
        label: String,
        /// Those there are.
        shown: String,
    },
    /// There is more than one such token.
    #[error("several tokens have the label \"{0}\" (hsm.token): give them different labels")]
    SeveralTokens(String),
    /// The PIN cannot be read.
    #[error("hsm.pin_file cannot be read, or holds no PIN: {0}")]
    PinFile(String),
    /// The PIN is wrong.
    #[error(
        "the token refuses the PIN in hsm.pin_file; it is not tried again until the file holds another, since \
         tokens lock after a few wrong ones"
    )]
    WrongPin,
    /// A wrong PIN would lock the token.
    #[error(
        "one more wrong PIN locks the token, and the PIN in hsm.pin_file is not known to be right: it is not tried. \
         Log in once with the token's own tool, which ends this, or have its security officer set the PIN"
    )]
    LastTry,
    /// The PIN is locked.
    #[error("the token's PIN is locked: its security officer can unlock it")]
    PinLocked,
    /// The token has no PIN yet.
    #[error("the token has no user PIN yet: its security officer can set one")]
    NoPin,
    /// The token has given all its sessions.
    #[error("the token gives no more sessions: lower hsm.sessions")]
    NoMoreSessions,
    /// The token has no such key, or does not show it.
    #[error("the token shows no key with the id {0}")]
    NoKey(String),
    /// The token does not know how.
    #[error("the token cannot do {0}")]
    Unsupported(&'static str),
    /// The text is no identifier of a key.
    #[error("not an identifier of a key in a token")]
    NotAnId,
    /// What the token made is not what was asked for.
    #[error("the token made a key that is not as it must be: {0}")]
    Unfit(&'static str),
    /// Too many wait.
    #[error("too many operations wait for the token")]
    Busy,
    /// No answer came in time.
    #[error("the token did not answer in time (hsm.timeout_ms)")]
    Silent,
    /// Anything else.
    #[error("the token answered {doing} with {error}")]
    Said {
        /// What was asked.
        doing: &'static str,
        /// The answer.
        error: Error,
    },
}

impl HsmError {
    /// Whether it may be for the session, the connection or the library alone, so that another session may help.
    pub(super) fn is_lost(&self) -> bool {
        match self {
            Self::Closed | Self::NoToken { .. } | Self::NoKey(_) | Self::Initialize(_) => true,
            Self::Said { error: Error::Pkcs11(answer, _), .. } => !is_about_the_request(*answer),
            Self::Module { .. }
            | Self::SeveralTokens(_)
            | Self::PinFile(_)
            | Self::WrongPin
            | Self::LastTry
            | Self::PinLocked
            | Self::NoPin
            | Self::NoMoreSessions
            | Self::Unsupported(_)
            | Self::NotAnId
            | Self::Unfit(_)
            | Self::Busy
            | Self::Silent
            | Self::Said { .. } => false,
        }
    }

    /// The same as a fault. That too many wait is no sign of anything else.
    #[must_use]
    pub fn fault(self, doing: &'static str) -> Fault {
        if matches!(self, Self::Busy) { Fault::overload(doing, self) } else { Fault::new(doing, self) }
    }
}

/// Names what the token was asked when it answered with an error.
pub(super) trait Asked<T> {
    fn asked(self, doing: &'static str) -> Result<T, HsmError>;
}

impl<T> Asked<T> for cryptoki::error::Result<T> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's errors are an open set")]
    fn asked(self, doing: &'static str) -> Result<T, HsmError> {
        self.map_err(|error| match error {
            Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => {
                HsmError::WrongPin
            }
            Error::Pkcs11(RvError::PinLocked, _) => HsmError::PinLocked,
            Error::Pkcs11(RvError::UserPinNotInitialized | RvError::PinExpired, _) => HsmError::NoPin,
            Error::Pkcs11(RvError::SessionCount, _) => HsmError::NoMoreSessions,
            error => HsmError::Said { doing, error },
        })
    }
}

/// Answers that another session would give too. All others, those of vendors included, are worth another session.
const fn is_about_the_request(answer: RvError) -> bool {
    matches!(
        answer,
        RvError::MechanismInvalid
            | RvError::MechanismParamInvalid
            | RvError::DataInvalid
            | RvError::DataLenRange
            | RvError::EncryptedDataInvalid
            | RvError::EncryptedDataLenRange
            | RvError::KeySizeRange
            | RvError::KeyTypeInconsistent
            | RvError::KeyFunctionNotPermitted
            | RvError::CurveNotSupported
            | RvError::TemplateIncomplete
            | RvError::TemplateInconsistent
            | RvError::AttributeReadOnly
            | RvError::AttributeTypeInvalid
            | RvError::AttributeValueInvalid
            | RvError::AttributeSensitive
            | RvError::FunctionNotSupported
            | RvError::TokenWriteProtected
            | RvError::SessionReadOnly
            | RvError::DeviceMemory
    )
}
