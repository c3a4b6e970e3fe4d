//! What breaks: processes that die, clients that hang up, connections that are cut, clocks that move.

mod cancelled;
mod changed;
mod clock;
mod cut;
mod killed;
mod proxy;
mod within;
