//! The chassis on real sockets, with real signals.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod http;
#[cfg(test)]
mod process;
