//! Devices without a browser (RFC 8628): they ask, a person enters the code that they show, and whatever the person
//! decides is what they are told when they ask again.

mod answer;
mod endpoint;
mod entry;

pub use answer::{Answered, AnsweredView};
pub use endpoint::DeviceAnswer;
pub use entry::{DeviceNotice, DeviceView, NotEntered};
