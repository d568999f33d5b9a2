//! The whole reconciler in one process, against the simulator over HTTP, with the local log and a small fold in between.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod api;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod death;
#[cfg(test)]
mod facts;
#[cfg(test)]
mod fold;
#[cfg(test)]
mod gone;
#[cfg(test)]
mod hydration;
#[cfg(test)]
mod people;
#[cfg(test)]
mod repairs;
#[cfg(test)]
mod running;
#[cfg(test)]
mod sent;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod watched;
#[cfg(test)]
mod world;
