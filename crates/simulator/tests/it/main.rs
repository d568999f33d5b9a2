//! The simulator through real sockets.
